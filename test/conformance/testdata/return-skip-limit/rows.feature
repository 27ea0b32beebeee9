Feature: SKIP and LIMIT of RETURN

  Background:
    Given an empty graph
    And having executed:
      """
      UNWIND ['a', 'b', 'c', 'd'] AS n CREATE ({n: n})
      """

  Scenario: In order
    When executing query:
      """
      MATCH (n) RETURN n.n AS n ORDER BY n SKIP 1 LIMIT 2
      """
    Then the result should be, in order:
      | n   |
      | 'b' |
      | 'c' |
    And no side effects

  Scenario: Descending, of the last
    When executing query:
      """
      MATCH (n) RETURN n.n AS n ORDER BY n DESC LIMIT 3
      """
    Then the result should be, in order:
      | n   |
      | 'd' |
      | 'c' |
      | 'b' |
    And no side effects

  Scenario: No rows
    When executing query:
      """
      MATCH (n) RETURN n LIMIT 0
      """
    Then the result should be, in any order:
      | n |
    And no side effects

  Scenario: No order
    When executing query:
      """
      MATCH (n) WITH n.n AS n SKIP 1 RETURN count(*) AS c
      """
    Then the result should be, in any order:
      | c |
      | 3 |
    And no side effects

  Scenario: Aggregates are limited after they are made
    When executing query:
      """
      MATCH (n) RETURN n.n > 'a' AS k, count(*) AS c ORDER BY c LIMIT 1
      """
    Then the result should be, in any order:
      | k     | c |
      | false | 1 |
    And no side effects

  Scenario Outline: <rows>
    When executing query:
      """
      MATCH (n) RETURN n <rows>
      """
    Then a SyntaxError should be raised at compile time: <detail>

    Examples:
      | rows             | detail                  |
      | SKIP -1          | NegativeIntegerArgument |
      | LIMIT -1         | NegativeIntegerArgument |
      | SKIP 1.5         | InvalidArgumentType     |
      | LIMIT 1.5        | InvalidArgumentType     |
      | LIMIT 'a'        | InvalidArgumentType     |
      | LIMIT true       | InvalidArgumentType     |
      | SKIP n.v         | NonConstantExpression   |
      | LIMIT n.v        | NonConstantExpression   |
      | LIMIT n          | NonConstantExpression   |
      | SKIP             | UnexpectedSyntax        |
      | LIMIT            | UnexpectedSyntax        |
      | LIMIT 1 SKIP 1   | UnexpectedSyntax        |
