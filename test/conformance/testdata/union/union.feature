Feature: UNION

  Background:
    Given an empty graph
    And having executed:
      """
      CREATE (:A {v: 1}), (:B {v: 2}), (:A:B {v: 3})
      """

  Scenario: It drops duplicates
    When executing query:
      """
      MATCH (n:A) RETURN n.v AS v UNION MATCH (n:B) RETURN n.v AS v
      """
    Then the result should be, in any order:
      | v |
      | 1 |
      | 2 |
      | 3 |
    And no side effects

  Scenario: ALL keeps them
    When executing query:
      """
      MATCH (n:A) RETURN n.v AS v UNION ALL MATCH (n:B) RETURN n.v AS v
      """
    Then the result should be, in any order:
      | v |
      | 1 |
      | 3 |
      | 2 |
      | 3 |
    And no side effects

  Scenario: Duplicates of one part go too
    When executing query:
      """
      UNWIND [1, 1, null] AS v RETURN v UNION UNWIND [null, 2] AS v RETURN v
      """
    Then the result should be, in any order:
      | v    |
      | 1    |
      | null |
      | 2    |
    And no side effects

  Scenario: Three parts
    When executing query:
      """
      RETURN 1 AS x UNION RETURN 2 AS x UNION RETURN 1.0 AS x
      """
    Then the result should be, in any order:
      | x |
      | 1 |
      | 2 |
    And no side effects

  Scenario: Three parts, all
    When executing query:
      """
      RETURN 1 AS x UNION ALL RETURN 2 AS x UNION ALL RETURN 1 AS x
      """
    Then the result should be, in any order:
      | x |
      | 1 |
      | 2 |
      | 1 |
    And no side effects

  Scenario: Each part has its own variables, order and limit
    When executing query:
      """
      MATCH (n) WITH n ORDER BY n.v LIMIT 1 RETURN n UNION ALL MATCH (m:B) WITH m AS n ORDER BY n.v DESC LIMIT 1 RETURN n
      """
    Then the result should be, in any order:
      | n             |
      | (:A {v: 1})   |
      | (:A:B {v: 3}) |
    And no side effects

  Scenario: Nodes are one if they are the same
    When executing query:
      """
      MATCH (n:A) RETURN n UNION MATCH (n:B) RETURN n
      """
    Then the result should be, in any order:
      | n             |
      | (:A {v: 1})   |
      | (:B {v: 2})   |
      | (:A:B {v: 3}) |
    And no side effects

  Scenario Outline: <query>
    When executing query:
      """
      <query>
      """
    Then a SyntaxError should be raised at compile time: <detail>

    Examples:
      | query                                                       | detail                   |
      | RETURN 1 AS a UNION RETURN 2 AS b                           | DifferentColumnsInUnion  |
      | RETURN 1 AS a UNION ALL RETURN 2 AS b                       | DifferentColumnsInUnion  |
      | RETURN 1 AS a, 2 AS b UNION RETURN 2 AS a                   | DifferentColumnsInUnion  |
      | RETURN 1 UNION RETURN 2                                     | DifferentColumnsInUnion  |
      | RETURN 1 AS a UNION RETURN 2 AS a UNION ALL RETURN 3 AS a   | InvalidClauseComposition |
      | RETURN 1 AS a UNION ALL RETURN 2 AS a UNION RETURN 3 AS a   | InvalidClauseComposition |
      | RETURN 1 AS a UNION                                         | UnexpectedSyntax         |
      | MATCH (n) RETURN n UNION RETURN n                           | UndefinedVariable        |
