Feature: Components of dates and times, arithmetic, differences

  Scenario: Components of a date
    Given any graph
    When executing query:
      """
      WITH date('1984-10-11') AS d
      RETURN d.year AS y, d.quarter AS q, d.month AS m, d.week AS w, d.weekYear AS wy, d.day AS dd, d.ordinalDay AS od, d.weekDay AS wd, d.dayOfQuarter AS dq
      """
    Then the result should be, in any order:
      | y    | q | m  | w  | wy   | dd | od  | wd | dq |
      | 1984 | 4 | 10 | 41 | 1984 | 11 | 285 | 4  | 11 |
    And no side effects

  Scenario: A Sunday of the year before
    Given any graph
    When executing query:
      """
      WITH date('1984-01-01') AS d RETURN d.weekYear AS wy, d.week AS w, d.weekDay AS wd
      """
    Then the result should be, in any order:
      | wy   | w  | wd |
      | 1983 | 52 | 7  |
    And no side effects

  Scenario: Components of a time
    Given any graph
    When executing query:
      """
      WITH time('12:31:14.645876123+01:00') AS t
      RETURN t.hour AS h, t.minute AS m, t.second AS s, t.millisecond AS ms, t.microsecond AS us, t.nanosecond AS ns, t.timezone AS z, t.offset AS o, t.offsetMinutes AS om, t.offsetSeconds AS os
      """
    Then the result should be, in any order:
      | h  | m  | s  | ms  | us     | ns        | z        | o        | om | os   |
      | 12 | 31 | 14 | 645 | 645876 | 645876123 | '+01:00' | '+01:00' | 60 | 3600 |
    And no side effects

  Scenario: Components of a date and time in a zone
    Given any graph
    When executing query:
      """
      WITH datetime('1984-11-11T12:31:14.645876123[Europe/Stockholm]') AS t
      RETURN t.year AS y, t.weekDay AS wd, t.hour AS h, t.timezone AS z, t.offset AS o, t.offsetMinutes AS om, t.epochSeconds AS es, t.epochMillis AS em
      """
    Then the result should be, in any order:
      | y    | wd | h  | z                  | o        | om | es        | em           |
      | 1984 | 7  | 12 | 'Europe/Stockholm' | '+01:00' | 60 | 469020674 | 469020674645 |
    And no side effects

  Scenario: Components of a duration
    Given any graph
    When executing query:
      """
      WITH duration('P1Y4M10DT1H1M1.111111111S') AS d
      RETURN d.years AS y, d.quarters AS q, d.months AS m, d.weeks AS w, d.days AS dd, d.hours AS h, d.minutes AS mi, d.seconds AS s, d.milliseconds AS ms, d.nanoseconds AS ns,
             d.quartersOfYear AS qy, d.monthsOfQuarter AS mq, d.monthsOfYear AS my, d.daysOfWeek AS dw, d.minutesOfHour AS mh, d.secondsOfMinute AS sm, d.millisecondsOfSecond AS mss, d.nanosecondsOfSecond AS nss
      """
    Then the result should be, in any order:
      | y | q | m  | w | dd | h | mi | s    | ms      | ns            | qy | mq | my | dw | mh | sm | mss | nss       |
      | 1 | 5 | 16 | 1 | 10 | 1 | 61 | 3661 | 3661111 | 3661111111111 | 1  | 1  | 4  | 3  | 1  | 1  | 111 | 111111111 |
    And no side effects

  Scenario: Components of a duration that goes back
    Given any graph
    When executing query:
      """
      WITH duration({seconds: -2, milliseconds: 1}) AS d RETURN d.seconds AS s, d.milliseconds AS ms, d.nanosecondsOfSecond AS ns
      """
    Then the result should be, in any order:
      | s  | ms    | ns      |
      | -2 | -1999 | 1000000 |
    And no side effects

  Scenario Outline: <expr>
    Given any graph
    When executing query:
      """
      RETURN toString(<expr>) AS r
      """
    Then the result should be, in any order:
      | r     |
      | '<r>' |
    And no side effects

    Examples:
      | expr                                                            | r                |
      | date('1984-10-11') + duration('P12Y5M14DT16H13M10S')            | 1997-03-25       |
      | date('1984-10-11') - duration('P12Y5M14DT16H13M10S')            | 1972-04-27       |
      | duration('P1D') + date('1984-10-11')                            | 1984-10-12       |
      | date('1984-10-11') + duration({months: 1, days: -14, hours: 16, minutes: -12, seconds: 70}) | 1984-10-28 |
      | date('1984-10-11') + duration({hours: 25})                      | 1984-10-12       |
      | date('2016-01-31') + duration('P1M')                            | 2016-02-29       |
      | date('2015-01-31') + duration('P1M')                            | 2015-02-28       |
      | date('2016-02-29') + duration('P1Y')                            | 2017-02-28       |
      | date('2016-03-31') - duration('P1M')                            | 2016-02-29       |
      | date('2015-01-31') + duration('P1M1D')                          | 2015-03-01       |
      | localtime('12:31:14') + duration('P1DT13H')                     | 01:31:14         |
      | localtime('12:00') - duration('PT13H')                          | 23:00            |
      | time('12:31:14+01:00') + duration('PT12H')                      | 00:31:14+01:00   |
      | localdatetime('1984-10-11T12:31') + duration('P1MT13H')         | 1984-11-12T01:31 |
      | datetime('1984-10-11T12:31+01:00') - duration('PT24H')          | 1984-10-10T12:31+01:00 |
      | datetime('2017-10-28T12:00[Europe/Stockholm]') + duration('P1D') | 2017-10-29T12:00+01:00[Europe/Stockholm] |
      | datetime('2017-10-28T12:00[Europe/Stockholm]') + duration('PT24H') | 2017-10-29T11:00+01:00[Europe/Stockholm] |
      | duration('P1Y') + duration('P1M')                               | P1Y1M            |
      | duration('P1Y') - duration('P1M')                               | P11M             |
      | duration('PT1H') - duration('PT2H')                             | PT-1H            |
      | duration('P1D') + duration('PT36H')                             | P1DT36H          |
      | duration('P1M') * 0.5                                           | P15DT5H14M33S    |
      | duration('P1D') / 2                                             | PT12H            |
      | duration('P3M') / 2                                             | P1M15DT5H14M33S  |
      | duration('PT1H') * 3                                            | PT3H             |
      | 3 * duration('PT1H')                                            | PT3H             |
      | duration('P1Y2M3DT4H') * -1                                     | P-1Y-2M-3DT-4H   |
      | duration.between(date('1984-10-11'), date('2015-06-24'))        | P30Y8M13D        |
      | duration.between(date('2018-03-11'), date('2016-06-24'))        | P-1Y-8M-17D      |
      | duration.between(date('2018-01-31'), date('2018-02-28'))        | P28D             |
      | duration.between(date('1984-10-11'), localdatetime('2016-07-21T21:45:22.142')) | P31Y9M10DT21H45M22.142S |
      | duration.between(localtime('14:30'), date('2015-06-24'))        | PT-14H-30M       |
      | duration.between(date('2015-06-24'), localtime('16:30'))        | PT16H30M         |
      | duration.between(localtime('14:30'), localtime('16:30:10'))     | PT2H10S          |
      | duration.between(time('14:30+01:00'), time('16:30Z'))           | PT3H             |
      | duration.between(localdatetime('2018-01-01T12:00'), localdatetime('2018-01-02T10:00')) | PT22H |
      | duration.between(localdatetime('2018-01-02T10:00'), localdatetime('2018-01-01T12:00')) | PT-22H |
      | duration.between(localdatetime('2018-01-01T12:00'), localdatetime('2018-02-03T11:00')) | P1M1DT23H |
      | duration.inMonths(date('1984-10-11'), date('2015-06-24'))       | P30Y8M           |
      | duration.inDays(date('1984-10-11'), date('2015-06-24'))         | P11213D          |
      | duration.inSeconds(date('1984-10-11'), date('2015-06-24'))      | PT269112H        |
      | duration.inDays(localtime('14:30'), localtime('16:30'))         | PT0S             |
      | duration.inMonths(date('2018-01-31'), date('2018-02-28'))       | PT0S             |
      | duration.inSeconds(datetime('2017-10-29T00:00[Europe/Stockholm]'), datetime('2017-10-29T04:00[Europe/Stockholm]')) | PT5H |
      | duration.inSeconds(datetime('2017-10-29T00:00[Europe/Stockholm]'), localdatetime('2017-10-29T04:00')) | PT5H |
      | duration.inSeconds(datetime('2017-10-29T00:00[Europe/Stockholm]'), localtime('04:00')) | PT5H |
      | duration.inSeconds(date('2017-10-29'), datetime('2017-10-29T04:00[Europe/Stockholm]')) | PT5H |
      | duration.between(date('-999999999-01-01'), date('+999999999-12-31')) | P1999999998Y11M30D |
      | duration.inSeconds(localdatetime('-999999999-01-01'), localdatetime('+999999999-12-31T23:59:59')) | PT17531639991215H59M59S |
      | date.truncate('millennium', date('2017-10-11'))                 | 2000-01-01       |
      | date.truncate('century', date('1984-10-11'))                    | 1900-01-01       |
      | date.truncate('decade', date('1984-10-11'))                     | 1980-01-01       |
      | date.truncate('year', date('1984-10-11'))                       | 1984-01-01       |
      | date.truncate('weekYear', date('1984-02-01'))                   | 1984-01-02       |
      | date.truncate('weekYear', date('1984-01-01'))                   | 1983-01-03       |
      | date.truncate('quarter', date('1984-11-11'))                    | 1984-10-01       |
      | date.truncate('month', date('1984-11-11'))                      | 1984-11-01       |
      | date.truncate('week', date('1984-10-11'))                       | 1984-10-08       |
      | date.truncate('day', localdatetime('1984-10-11T12:31'))         | 1984-10-11       |
      | date.truncate('month', date('1984-11-11'), {day: 2})            | 1984-11-02       |
      | date.truncate('week', date('1984-10-11'), {dayOfWeek: 2})       | 1984-10-09       |
      | datetime.truncate('hour', datetime('1984-10-11T12:31:14.645+02:00')) | 1984-10-11T12:00+02:00 |
      | datetime.truncate('day', localdatetime('1984-10-11T12:31'), {timezone: 'Europe/Stockholm'}) | 1984-10-11T00:00+01:00[Europe/Stockholm] |
      | datetime.truncate('year', date('1984-10-11'))                   | 1984-01-01T00:00Z |
      | datetime.truncate('minute', datetime('1984-10-11T12:31:14Z'), {nanosecond: 2}) | 1984-10-11T12:31:00.000000002Z |
      | localdatetime.truncate('month', datetime('1984-10-11T12:31+01:00')) | 1984-10-01T00:00 |
      | localtime.truncate('minute', localtime('12:31:14.645'))         | 12:31            |
      | localtime.truncate('hour', time('12:31:14+01:00'))              | 12:00            |
      | time.truncate('second', time('12:31:14.645+01:00'))             | 12:31:14+01:00   |
      | time.truncate('millisecond', localtime('12:31:14.645876123'))   | 12:31:14.645Z    |
      | time.truncate('microsecond', time('12:31:14.645876123Z'))       | 12:31:14.645876Z |
      | time.truncate('day', localdatetime('1984-10-11T12:31'))         | 00:00Z           |

  Scenario Outline: Order of <list>
    Given any graph
    When executing query:
      """
      UNWIND [<list>] AS x WITH x ORDER BY x RETURN collect(toString(x)) AS l
      """
    Then the result should be, in any order:
      | l   |
      | <l> |
    And no side effects

    Examples:
      | list                                                    | l                          |
      | date('2010-01-02'), date('-0001-01-01'), date('2010-01-01') | ['-0001-01-01', '2010-01-01', '2010-01-02'] |
      | localtime('10:35'), localtime('10:30:00.1'), localtime('10:30') | ['10:30', '10:30:00.100', '10:35'] |
      | time('10:35-08:00'), time('12:31:14.645876124+01:00'), time('12:30:14+01:01') | ['12:30:14+01:01', '12:31:14.645876124+01:00', '10:35-08:00'] |
      | datetime('1984-10-11T12:30+00:15'), datetime('0001-01-01T01:00-11:59'), datetime('1984-10-11T12:30-01:00') | ['0001-01-01T01:00-11:59', '1984-10-11T12:30+00:15', '1984-10-11T12:30-01:00'] |

  Scenario: Group and aggregate
    Given any graph
    When executing query:
      """
      UNWIND [date('2020-01-01'), date('2020-01-01'), date('2021-05-05'), null] AS d
      RETURN count(DISTINCT d) AS c, min(d) AS a, max(d) AS b, collect(DISTINCT d.year) AS y
      """
    Then the result should be, in any order:
      | c | a            | b            | y            |
      | 2 | '2020-01-01' | '2021-05-05' | [2020, 2021] |
    And no side effects

  Scenario: The sum of durations
    Given any graph
    When executing query:
      """
      UNWIND [duration('P1D'), duration('PT12H'), null] AS d RETURN sum(d) AS s
      """
    Then the result should be, in any order:
      | s         |
      | 'P1DT12H' |
    And no side effects

  Scenario: Properties hold dates and times
    Given an empty graph
    And having executed:
      """
      CREATE ({d: date('1984-10-11'), l: [localtime('12:00'), localtime('13:00')], z: datetime('1984-10-11T12:00+01:00'), p: duration('P1D')})
      """
    When executing query:
      """
      MATCH (n) WHERE n.d > date('1980-01-01') RETURN n.d AS d, n.l AS l, n.z AS z, n.p AS p, n.d + n.p AS s
      """
    Then the result should be, in any order:
      | d            | l                  | z                        | p     | s            |
      | '1984-10-11' | ['12:00', '13:00'] | '1984-10-11T12:00+01:00' | 'P1D' | '1984-10-12' |
    And no side effects

  Scenario Outline: <expr> has no such component
    Given any graph
    When executing query:
      """
      RETURN <expr> AS r
      """
    Then a SyntaxError should be raised at compile time: <detail>

    Examples:
      | expr              | detail              |
      | date.noSuch('2000') | UnknownFunction   |
