Feature: Precedence

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
      | expr                                   | r     |
      | 1 + 2 * 3                              | 7     |
      | (1 + 2) * 3                            | 9     |
      | 2 * 3 + 4 * 5                          | 26    |
      | 10 - 4 - 3                             | 3     |
      | 100 / 10 / 5                           | 2     |
      | 100 / 10 * 5                           | 50    |
      | 17 % 7 % 2                             | 1     |
      | 2 * 7 % 4                              | 2     |
      | 2 ^ 3 ^ 2                              | 64.0  |
      | 2 ^ 3 * 2                              | 16.0  |
      | 2 * 3 ^ 2                              | 18.0  |
      | -2 ^ 2                                 | 4.0   |
      | 4 ^ -1                                 | 0.25  |
      | 2 + -3                                 | -1    |
      | 2 - -3                                 | 5     |
      | - - 3                                  | 3     |
      | -(-(3))                                | 3     |
      | -[1, 2][1]                             | -2    |
      | -{a: 1}.a                              | -1    |
      | 1 + 2 = 3                              | true  |
      | 3 = 1 + 2                              | true  |
      | 1 + 2 IN [3]                           | true  |
      | 'a' + 'b' STARTS WITH 'ab'             | true  |
      | 'ab' ENDS WITH 'a' + 'b'               | true  |
      | 1 IN [1] = true                        | true  |
      | true = 1 IN [1]                        | true  |
      | 1 IN [1] AND 2 IN [2]                  | true  |
      | NOT true OR true                       | true  |
      | NOT (true OR true)                     | false |
      | NOT false AND false                    | false |
      | NOT (false AND false)                  | true  |
      | NOT 1 = 2                              | true  |
      | NOT 1 = 1 AND false                    | false |
      | NOT 1 IN [2]                           | true  |
      | NOT true = false                       | true  |
      | true OR true AND false                 | true  |
      | (true OR true) AND false               | false |
      | true XOR true AND false                | true  |
      | true OR true XOR true                  | true  |
      | (true OR true) XOR true                | false |
      | true XOR false AND true                | true  |
      | false = false = false                  | true  |
      | 1 < 2 AND 2 < 3 OR false               | true  |
      | 1 < 2 = true                           | false |
      | (1 < 2) = true                         | true  |
      | null IS NULL = true                    | true  |
      | null IS NOT NULL OR true               | true  |
      | NOT null IS NULL                       | false |
      | [1] + [2] + 3                          | [1, 2, 3] |
      | 1 + [2] + [3]                          | [1, 2, 3] |
      | [1] + 2 IN [[1, 2]]                    | true  |
      | [1, 2][0] + 1                          | 2     |
      | [[1, 2], [3]][0][1]                    | 2     |
      | {a: {b: [7]}}.a.b[0]                   | 7     |
      | 1 + 1.5                                | 2.5   |
      | 7 / 2                                  | 3     |
      | 7 / 2.0                                | 3.5   |
      | -7 / 2                                 | -3    |
      | 1 + 2 + 'a' + 1 + 2                    | '3a12' |
      | CASE WHEN true THEN 1 ELSE 2 END + 1   | 2     |
      | true = 1 < 2                           | false |
      | 'a' = 'a' IN [true]                    | false |
      | 1 - 2 * 3 - 4                          | -9    |
      | 8 % 3 * 2                              | 4     |
      | 2 ^ 2 ^ 0                              | 1.0   |
      | -1 + 2                                 | 1     |
      | -1 * -1                                | 1     |
      | NOT NOT 1 < 2                          | true  |
      | 6 / 2 * 3 = 9 AND NOT 5 % 2 = 0        | true  |

  Scenario: Precedence holds in WHERE
    Given an empty graph
    And having executed:
      """
      UNWIND range(1, 6) AS v CREATE ({v: v})
      """
    When executing query:
      """
      MATCH (n) WHERE n.v = 1 OR n.v > 3 AND NOT n.v % 2 = 0 XOR false RETURN n.v AS v
      """
    Then the result should be, in any order:
      | v |
      | 1 |
      | 5 |
    And no side effects
