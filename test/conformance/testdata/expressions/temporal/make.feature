Feature: Dates and times from texts and components

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
      | expr                                                | r                   |
      | date('2015-07-21')                                  | 2015-07-21          |
      | date('20150721')                                    | 2015-07-21          |
      | date('2015-07')                                     | 2015-07-01          |
      | date('201507')                                      | 2015-07-01          |
      | date('2015-W30-2')                                  | 2015-07-21          |
      | date('2015W302')                                    | 2015-07-21          |
      | date('2015-W30')                                    | 2015-07-20          |
      | date('2015W30')                                     | 2015-07-20          |
      | date('2015-202')                                    | 2015-07-21          |
      | date('2015202')                                     | 2015-07-21          |
      | date('2015-Q2-60')                                  | 2015-05-30          |
      | date('2015')                                        | 2015-01-01          |
      | date({year: 1984, month: 10, day: 11})              | 1984-10-11          |
      | date({year: 1984, month: 10})                       | 1984-10-01          |
      | date({year: 1984})                                  | 1984-01-01          |
      | date({year: 1984, week: 10, dayOfWeek: 3})          | 1984-03-07          |
      | date({year: 1984, week: 10})                        | 1984-03-05          |
      | date({year: 1984, ordinalDay: 202})                 | 1984-07-20          |
      | date({year: 1984, quarter: 3, dayOfQuarter: 45})    | 1984-08-14          |
      | date({year: 1984, quarter: 3})                      | 1984-07-01          |
      | date({year: 12345, month: 6, day: 7})               | +12345-06-07        |
      | date({year: -1})                                    | -0001-01-01         |
      | date({year: 1817, week: 1})                         | 1816-12-30          |
      | date({year: 1818, week: 53, dayOfWeek: 5})          | 1819-01-01          |
      | date({date: date('1984-11-11'), year: 28})          | 0028-11-11          |
      | date({date: date('1984-11-11'), day: 28})           | 1984-11-28          |
      | date({date: date('1984-11-11'), week: 1})           | 1984-01-08          |
      | date({date: date('1984-11-11'), ordinalDay: 28})    | 1984-01-28          |
      | date({date: date('1984-11-11'), quarter: 3})        | 1984-08-11          |
      | date(localdatetime('1984-11-11T12:31'))             | 1984-11-11          |
      | date(datetime('1984-11-11T12:31+01:00'))            | 1984-11-11          |
      | localtime('21:40:32.142')                           | 21:40:32.142        |
      | localtime('214032.142')                             | 21:40:32.142        |
      | localtime('21:40:32')                               | 21:40:32            |
      | localtime('21:40')                                  | 21:40               |
      | localtime('2140')                                   | 21:40               |
      | localtime('21')                                     | 21:00               |
      | localtime({hour: 12, minute: 31, second: 14, nanosecond: 789, millisecond: 123, microsecond: 456}) | 12:31:14.123456789 |
      | localtime({hour: 12, minute: 31, second: 14, nanosecond: 645876123}) | 12:31:14.645876123 |
      | localtime({hour: 12, minute: 31, second: 14, microsecond: 645876})   | 12:31:14.645876 |
      | localtime({hour: 12, minute: 31, second: 14, millisecond: 645})      | 12:31:14.645 |
      | localtime({hour: 12})                               | 12:00               |
      | localtime(time('12:31:14+05:00'))                   | 12:31:14            |
      | time('21:40:32.142+0100')                           | 21:40:32.142+01:00  |
      | time('214032-0100')                                 | 21:40:32-01:00      |
      | time('21:40-01:30')                                 | 21:40-01:30         |
      | time('2140-02')                                     | 21:40-02:00         |
      | time('22+18:00')                                    | 22:00+18:00         |
      | time('21:40:32Z')                                   | 21:40:32Z           |
      | time('21:40:32')                                    | 21:40:32Z           |
      | time({hour: 12, minute: 31, timezone: '+01:00'})    | 12:31+01:00         |
      | time({hour: 12, minute: 31})                        | 12:31Z              |
      | time({time: time('12:31:14+01:00'), timezone: '+05:00'}) | 16:31:14+05:00 |
      | time({time: localtime('12:31:14'), timezone: '+05:00'})  | 12:31:14+05:00 |
      | time({time: time('12:31:14+01:00'), second: 42})    | 12:31:42+01:00      |
      | localdatetime('2015-07-21T21:40:32.142')            | 2015-07-21T21:40:32.142 |
      | localdatetime('2015-W30-2T214032.142')              | 2015-07-21T21:40:32.142 |
      | localdatetime('2015-202T21:40:32')                  | 2015-07-21T21:40:32 |
      | localdatetime('2015T214032')                        | 2015-01-01T21:40:32 |
      | localdatetime('20150721T21:40')                     | 2015-07-21T21:40    |
      | localdatetime('2015-W30T2140')                      | 2015-07-20T21:40    |
      | localdatetime('2015202T21')                         | 2015-07-21T21:00    |
      | localdatetime({year: 1984, week: 10, dayOfWeek: 3, hour: 12}) | 1984-03-07T12:00 |
      | localdatetime({year: 1984})                         | 1984-01-01T00:00    |
      | localdatetime({date: date('1984-10-11'), time: localtime('12:31')}) | 1984-10-11T12:31 |
      | localdatetime({date: date('1984-10-11'), hour: 10, minute: 10}) | 1984-10-11T10:10 |
      | localdatetime({datetime: localdatetime('1984-10-11T12:31'), day: 28, second: 42}) | 1984-10-28T12:31:42 |
      | datetime('2015-07-21T21:40:32.142+0100')            | 2015-07-21T21:40:32.142+01:00 |
      | datetime('2015-W30-2T214032.142Z')                  | 2015-07-21T21:40:32.142Z |
      | datetime('20150721T21:40-01:30')                    | 2015-07-21T21:40-01:30 |
      | datetime('2015-W30T2140-02')                        | 2015-07-20T21:40-02:00 |
      | datetime('2015202T21+18:00')                        | 2015-07-21T21:00+18:00 |
      | datetime('2015-07-21T21:40:32.142')                 | 2015-07-21T21:40:32.142Z |
      | datetime('2015-07-21T21:40:32.142[Europe/London]')  | 2015-07-21T21:40:32.142+01:00[Europe/London] |
      | datetime('2015-01-21T21:40:32[Europe/London]')      | 2015-01-21T21:40:32Z[Europe/London] |
      | datetime('2015-07-21T21:40:32.142+0845[Australia/Eucla]') | 2015-07-21T21:40:32.142+08:45[Australia/Eucla] |
      | datetime('2015-07-21T21:40:32-04[America/New_York]') | 2015-07-21T21:40:32-04:00[America/New_York] |
      | datetime({year: 1984, month: 10, day: 11, hour: 12, timezone: 'Europe/Stockholm'}) | 1984-10-11T12:00+01:00[Europe/Stockholm] |
      | datetime({year: 1984, month: 7, day: 11, hour: 12, timezone: 'Europe/Stockholm'})  | 1984-07-11T12:00+02:00[Europe/Stockholm] |
      | datetime({year: 1984, month: 10, day: 11, timezone: '+01:00'}) | 1984-10-11T00:00+01:00 |
      | datetime({year: 1984})                              | 1984-01-01T00:00Z   |
      | datetime({datetime: datetime('1984-10-11T12:00+01:00'), timezone: 'Pacific/Honolulu'}) | 1984-10-11T01:00-10:00[Pacific/Honolulu] |
      | datetime({datetime: localdatetime('1984-10-11T12:00'), timezone: 'Pacific/Honolulu'}) | 1984-10-11T12:00-10:00[Pacific/Honolulu] |
      | datetime({date: date('1984-10-11'), time: time('12:31+01:00')}) | 1984-10-11T12:31+01:00 |
      | datetime({date: date('1984-10-11'), hour: 10, timezone: '+05:00'}) | 1984-10-11T10:00+05:00 |
      | datetime({epochSeconds: 416779, nanosecond: 999999999}) | 1970-01-05T19:46:19.999999999Z |
      | datetime.fromepoch(416779, 999999999)               | 1970-01-05T19:46:19.999999999Z |
      | datetime.fromepochmillis(237821673987)              | 1977-07-15T13:34:33.987Z |
      | duration({days: 14, hours: 16, minutes: 12})        | P14DT16H12M         |
      | duration({months: 5, days: 1.5})                    | P5M1DT12H           |
      | duration({months: 0.75})                            | P22DT19H51M49.5S    |
      | duration({weeks: 2.5})                              | P17DT12H            |
      | duration({years: 12, months: 5, days: 14, hours: 16, minutes: 12, seconds: 70}) | P12Y5M14DT16H13M10S |
      | duration({days: 0})                                 | PT0S                |
      | duration({seconds: 2, milliseconds: -1})            | PT1.999S            |
      | duration({seconds: -2, milliseconds: 1})            | PT-1.999S           |
      | duration({seconds: -2, milliseconds: -1})           | PT-2.001S           |
      | duration({days: 1, milliseconds: -1})               | P1DT-0.001S         |
      | duration({days: 1, milliseconds: 1})                | P1DT0.001S          |
      | duration({seconds: 60, milliseconds: -1})           | PT59.999S           |
      | duration({seconds: -60, milliseconds: 1})           | PT-59.999S          |
      | duration({seconds: -60, milliseconds: -1})          | PT-1M-0.001S        |
      | duration({months: 13})                              | P1Y1M               |
      | duration({months: -13})                             | P-1Y-1M             |
      | duration({minutes: 90})                             | PT1H30M             |
      | duration({hours: 25})                               | PT25H               |
      | duration({weeks: 1})                                | P7D                 |
      | duration({quarters: 1})                             | P3M                 |
      | duration('P14DT16H12M')                             | P14DT16H12M         |
      | duration('P5M1.5D')                                 | P5M1DT12H           |
      | duration('P0.75M')                                  | P22DT19H51M49.5S    |
      | duration('PT0.75M')                                 | PT45S               |
      | duration('P2.5W')                                   | P17DT12H            |
      | duration('P12Y5M14DT16H12M70S')                     | P12Y5M14DT16H13M10S |
      | duration('P2012-02-02T14:37:21.545')                | P2012Y2M2DT14H37M21.545S |
      | duration('PT-5M')                                   | PT-5M               |
      | duration('PT0S')                                    | PT0S                |

  Scenario Outline: <expr> is written as a value
    Given any graph
    When executing query:
      """
      RETURN <expr> AS r
      """
    Then the result should be, in any order:
      | r     |
      | '<r>' |
    And no side effects

    Examples:
      | expr                     | r          |
      | date('2015-07-21')       | 2015-07-21 |
      | localtime('21:40:32')    | 21:40:32   |
      | time('21:40+01:00')      | 21:40+01:00 |
      | localdatetime('2015-07-21T21:40') | 2015-07-21T21:40 |
      | datetime('2015-07-21T21:40Z')     | 2015-07-21T21:40Z |
      | duration('P1Y2M3DT4H5M6S')        | P1Y2M3DT4H5M6S |

  Scenario Outline: <f> of its own text is itself
    Given any graph
    When executing query:
      """
      WITH <expr> AS t RETURN <f>(toString(t)) = t AS r
      """
    Then the result should be, in any order:
      | r    |
      | true |
    And no side effects

    Examples:
      | f             | expr                                                         |
      | date          | date({year: 1984, month: 10, day: 11})                       |
      | localtime     | localtime({hour: 12, minute: 31, second: 14, nanosecond: 1}) |
      | time          | time({hour: 12, minute: 31, second: 14, nanosecond: 645876123, timezone: '+01:00'}) |
      | localdatetime | localdatetime({year: 1984, month: 10, day: 11, hour: 12})    |
      | datetime      | datetime({year: 1984, month: 10, day: 11, hour: 12, timezone: '+01:00'}) |
      | datetime      | datetime({year: 1984, month: 10, day: 11, hour: 12, timezone: 'Europe/Stockholm'}) |
      | duration      | duration({years: 12, months: -5, days: 14, hours: -16, seconds: 70, nanoseconds: 3}) |

  Scenario: The clock stands still in a statement
    Given any graph
    When executing query:
      """
      UNWIND [1, 2, 3] AS x
      RETURN date() = date.statement() AS d, localtime() = localtime() AS t, datetime() = datetime.transaction() AS z,
             duration.inSeconds(localdatetime(), localdatetime()) AS n, count(DISTINCT time()) AS c
      """
    Then the result should be, in any order:
      | d    | t    | z    | n      | c |
      | true | true | true | 'PT0S' | 1 |
    And no side effects
