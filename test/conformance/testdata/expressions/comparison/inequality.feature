Feature: Comparability

  Scenario Outline: <expr>
    Given any graph
    When executing query:
      """
      RETURN <expr> AS r
      """
    Then the result should be, in any order:
      | r   |
      | <r> |
    And no side effects

    Examples:
      | expr                       | r     |
      | 1 < 2                      | true  |
      | 2 < 1                      | false |
      | 1 <= 1                     | true  |
      | 1 < 1.5                    | true  |
      | 2 > 1.5                    | true  |
      | 1 >= 1.0                   | true  |
      | 'a' < 'b'                  | true  |
      | 'a' < 'ab'                 | true  |
      | 'B' < 'a'                  | true  |
      | '' < 'a'                   | true  |
      | '10' < '9'                 | true  |
      | 'a' < 1                    | null  |
      | 1 >= 'a'                   | null  |
      | true > false               | true  |
      | false < true               | true  |
      | true >= true               | true  |
      | true < 1                   | null  |
      | [1] < [2]                  | true  |
      | [1, 2] < [1, 3]            | true  |
      | [1] < [1, 0]               | true  |
      | [] < [null]                | true  |
      | [2] < [1, 5]               | false |
      | [1, 2] >= [1]              | true  |
      | [1] < 1                    | null  |
      | [1, null] < [2, null]      | true  |
      | [1, null] < [1, 2]         | null  |
      | [1, 'a'] < [1, 2]          | null  |
      | [1, 2] >= [1, null]        | null  |
      | [1, 2] >= [3, null]        | false |
      | {a: 1} < {a: 2}            | null  |
      | {} <= {}                   | null  |
      | 0.0 / 0.0 < 1              | false |
      | 0.0 / 0.0 >= 1             | false |
      | 0.0 / 0.0 > 0.0 / 0.0      | false |
      | 0.0 / 0.0 <= 0.0 / 0.0     | false |
      | 0.0 / 0.0 < 'a'            | null  |
      | 1.0 / 0.0 > 9223372036854775807 | true  |
      | -1.0 / 0.0 < -9223372036854775808 | true  |
      | 9223372036854775807 < 9223372036854775808.0 | true |
      | date('2020-01-01') < date('2020-01-02') | true |
      | date('2020-01-01') < localdatetime('2020-01-02T00:00') | null |
      | time('12:00+01:00') < time('11:30Z') | true |
      | localtime('10:00') > localtime('09:59:59.999') | true |
      | datetime('2020-01-01T12:00+02:00') < datetime('2020-01-01T11:00Z') | true |
      | duration('P1D') < duration('P2D') | null |

  Scenario Outline: The chain <expr>
    Given any graph
    When executing query:
      """
      RETURN <expr> AS r
      """
    Then the result should be, in any order:
      | r   |
      | <r> |
    And no side effects

    Examples:
      | expr                  | r     |
      | 1 < 2 < 3             | true  |
      | 1 < 3 < 2             | false |
      | 1 < 2 <= 2 < 3        | true  |
      | 3 > 2 > 1             | true  |
      | 1 < 2 > 1             | true  |
      | 1 = 1 = 1             | true  |
      | 1 = 1 <> 2            | true  |
      | 1 < null < 3          | null  |
      | 3 < 2 < null          | false |
      | null < 3 < 2          | false |
      | 1 < 2 = 2             | true  |
      | (1 < 2) = true        | true  |
      | 5 > 4 > 4             | false |

  Scenario: Chains in WHERE
    Given an empty graph
    And having executed:
      """
      UNWIND [1, 2, 3, 4, 5] AS v CREATE ({v: v})
      """
    When executing query:
      """
      MATCH (n) WHERE 2 <= n.v < 5 RETURN n.v AS v
      """
    Then the result should be, in any order:
      | v |
      | 2 |
      | 3 |
      | 4 |
    And no side effects

  Scenario: Incomparable properties do not pass
    Given an empty graph
    And having executed:
      """
      CREATE ({v: 1}), ({v: '1'}), ({v: true}), ({v: [1]}), ({v: 3.5}), ()
      """
    When executing query:
      """
      MATCH (n) WHERE n.v > 0 RETURN n.v AS v
      """
    Then the result should be, in any order:
      | v   |
      | 1   |
      | 3.5 |
    And no side effects

  Scenario: A range of texts
    Given an empty graph
    And having executed:
      """
      CREATE ({v: 'a'}), ({v: 'b'}), ({v: 'bb'}), ({v: 'c'}), ({v: 2})
      """
    When executing query:
      """
      MATCH (n) WHERE 'a' < n.v < 'c' RETURN n.v AS v
      """
    Then the result should be, in any order:
      | v    |
      | 'b'  |
      | 'bb' |
    And no side effects
