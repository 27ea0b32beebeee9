Feature: CASE and coalesce

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
      | expr                                                  | r    |
      | CASE 1 WHEN 1 THEN 'a' ELSE 'b' END                   | 'a'  |
      | CASE 2 WHEN 1 THEN 'a' ELSE 'b' END                   | 'b'  |
      | CASE 2 WHEN 1 THEN 'a' END                            | null |
      | CASE 1 WHEN 1.0 THEN 'a' ELSE 'b' END                 | 'a'  |
      | CASE 1 WHEN '1' THEN 'a' ELSE 'b' END                 | 'b'  |
      | CASE null WHEN null THEN 'a' ELSE 'b' END             | 'b'  |
      | CASE 1 WHEN null THEN 'a' WHEN 1 THEN 'c' END         | 'c'  |
      | CASE 1 WHEN 1 THEN 'x' WHEN 1 THEN 'y' END            | 'x'  |
      | CASE [1] WHEN [1] THEN 1 ELSE 2 END                   | 1    |
      | CASE {a: 1} WHEN {a: 1} THEN 1 ELSE 2 END             | 1    |
      | CASE WHEN true THEN 1 WHEN true THEN 2 END            | 1    |
      | CASE WHEN false THEN 1 ELSE 2 END                     | 2    |
      | CASE WHEN null THEN 1 ELSE 2 END                      | 2    |
      | CASE WHEN false THEN 1 END                            | null |
      | CASE WHEN 1 < 2 AND 2 < 3 THEN [1, 2] ELSE {} END     | [1, 2] |
      | CASE 1 + 1 WHEN 3 - 1 THEN 'two' END                  | 'two' |
      | CASE WHEN false THEN 1 / 0 ELSE 2 END                 | 2    |
      | CASE 1 WHEN 1 THEN CASE 2 WHEN 2 THEN 'in' END END    | 'in' |
      | CASE WHEN true THEN null ELSE 1 END                   | null |
      | CASE 'a' WHEN 'A' THEN 1 WHEN 'a' THEN 2 END + 1      | 3    |
      | CASE true WHEN 1 < 2 THEN 'y' ELSE 'n' END            | 'y'  |
      | coalesce(null, [])                                    | []   |
      | coalesce(false, true)                                 | false |
      | coalesce(1)                                           | 1    |
      | coalesce(1, 1 / 0)                                    | 1    |

  Scenario: CASE groups and counts
    Given an empty graph
    And having executed:
      """
      UNWIND [1, 2, 3, 4, 5, null] AS v CREATE ({v: v})
      """
    When executing query:
      """
      MATCH (n)
      RETURN CASE WHEN n.v < 3 THEN 'low' WHEN n.v >= 3 THEN 'high' ELSE 'none' END AS k, count(*) AS c
      """
    Then the result should be, in any order:
      | k      | c |
      | 'low'  | 2 |
      | 'high' | 3 |
      | 'none' | 1 |
    And no side effects

  Scenario: CASE inside of an aggregate
    Given any graph
    When executing query:
      """
      UNWIND [1, 2, 3] AS x RETURN sum(CASE WHEN x > 1 THEN x ELSE 0 END) AS s, count(CASE WHEN x > 1 THEN x END) AS c
      """
    Then the result should be, in any order:
      | s | c |
      | 5 | 2 |
    And no side effects

  Scenario: CASE orders
    Given any graph
    When executing query:
      """
      UNWIND ['a', 'b', 'c'] AS x RETURN x ORDER BY CASE x WHEN 'b' THEN 0 ELSE 1 END, x DESC
      """
    Then the result should be, in order:
      | x   |
      | 'b' |
      | 'c' |
      | 'a' |
    And no side effects

  Scenario Outline: <expr> fails
    Given any graph
    When executing query:
      """
      RETURN <expr>
      """
    Then a SyntaxError should be raised at compile time: <detail>

    Examples:
      | expr                  | detail           |
      | CASE END              | UnexpectedSyntax |
      | CASE 1 END            | UnexpectedSyntax |
      | CASE WHEN true THEN 1 | UnexpectedSyntax |
      | CASE ELSE 1 END       | UnexpectedSyntax |
