Feature: SKIP and LIMIT of WITH

  Scenario Outline: <rows>
    Given any graph
    And parameters are:
      | two | 2 |
    When executing query:
      """
      UNWIND range(1, 5) AS x WITH x ORDER BY x <rows> RETURN collect(x) AS l
      """
    Then the result should be, in any order:
      | l   |
      | <l> |
    And no side effects

    Examples:
      | rows                      | l               |
      | SKIP 0                    | [1, 2, 3, 4, 5] |
      | SKIP 3                    | [4, 5]          |
      | SKIP 9                    | []              |
      | LIMIT 2                   | [1, 2]          |
      | LIMIT 0                   | []              |
      | LIMIT 9                   | [1, 2, 3, 4, 5] |
      | SKIP 1 LIMIT 2            | [2, 3]          |
      | SKIP 4 LIMIT 2            | [5]             |
      | SKIP $two                 | [3, 4, 5]       |
      | LIMIT $two                | [1, 2]          |
      | LIMIT 1 + 1               | [1, 2]          |
      | SKIP toInteger('3')       | [4, 5]          |
      | SKIP toInteger(rand() * 9) * 0 | [1, 2, 3, 4, 5] |
      | LIMIT size([1, 2])        | [1, 2]          |
      | LIMIT size([x IN [1, 2, 3] WHERE x > 1]) | [1, 2] |
      | LIMIT abs(-2)             | [1, 2]          |

  Scenario: A limit before a MATCH
    Given an empty graph
    And having executed:
      """
      CREATE (a:A {v: 1})-[:R]->(), (b:A {v: 2})-[:R]->(), (b)-[:R]->()
      """
    When executing query:
      """
      MATCH (a:A) WITH a ORDER BY a.v DESC LIMIT 1 MATCH (a)-->(x) RETURN count(x) AS c
      """
    Then the result should be, in any order:
      | c |
      | 2 |
    And no side effects

  Scenario Outline: <rows> of <p>
    Given any graph
    And parameters are:
      | p | <p> |
    When executing query:
      """
      UNWIND [1, 2] AS x RETURN x <rows>
      """
    Then a SyntaxError should be raised at runtime: <detail>

    Examples:
      | rows     | p    | detail                  |
      | SKIP $p  | -1   | NegativeIntegerArgument |
      | LIMIT $p | -1   | NegativeIntegerArgument |
      | SKIP $p  | 1.5  | InvalidArgumentType     |
      | LIMIT $p | 1.7  | InvalidArgumentType     |
