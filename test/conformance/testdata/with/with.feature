Feature: WITH

  Background:
    Given an empty graph
    And having executed:
      """
      CREATE (a:A {n: 'a', v: 1}), (b:B {n: 'b', v: 2}), (c:B {n: 'c', v: 2}), (a)-[:R {w: 1}]->(b), (a)-[:R {w: 2}]->(c)
      """

  Scenario: It carries nodes, relationships, paths on
    When executing query:
      """
      MATCH p = (a:A)-[r {w: 1}]->(b) WITH a, r, p MATCH (a)-[r]->(x) RETURN x.n AS x, length(p) AS l
      """
    Then the result should be, in any order:
      | x   | l |
      | 'b' | 1 |
    And no side effects

  Scenario: What it leaves out is gone, and may come again as another
    When executing query:
      """
      MATCH (a:A)-->(b) WITH b MATCH (b)<--(a) RETURN a.n AS a, b.n AS b
      """
    Then the result should be, in any order:
      | a   | b   |
      | 'a' | 'b' |
      | 'a' | 'c' |
    And no side effects

  Scenario: A new name
    When executing query:
      """
      MATCH (a:A) WITH a AS b, a.v AS a RETURN b.n AS b, a
      """
    Then the result should be, in any order:
      | b   | a |
      | 'a' | 1 |
    And no side effects

  Scenario: Names may be swapped
    Given any graph
    When executing query:
      """
      WITH 1 AS a, 2 AS b WITH a AS b, b AS a RETURN a, b
      """
    Then the result should be, in any order:
      | a | b |
      | 2 | 1 |
    And no side effects

  Scenario: A star, and more
    When executing query:
      """
      MATCH (a:A) WITH *, a.v + 1 AS x RETURN a.n AS n, x
      """
    Then the result should be, in any order:
      | n   | x |
      | 'a' | 2 |
    And no side effects

  Scenario: DISTINCT
    When executing query:
      """
      MATCH (n) WITH DISTINCT n.v AS v RETURN v
      """
    Then the result should be, in any order:
      | v |
      | 1 |
      | 2 |
    And no side effects

  Scenario: DISTINCT takes equivalent values for one
    Given any graph
    When executing query:
      """
      UNWIND [null, null, 1, 1.0, 0.0 / 0.0, 0.0 / 0.0, [1, null], [1.0, null], {a: null}, {a: null}, 'a', 'A', [], {}] AS x
      WITH DISTINCT x RETURN count(*) AS c
      """
    Then the result should be, in any order:
      | c |
      | 9 |
    And no side effects

  Scenario: Groups of null and NaN
    Given any graph
    When executing query:
      """
      UNWIND [null, null, 0.0 / 0.0, 0.0 / 0.0, 1, 1.0] AS x WITH x, count(*) AS c RETURN c
      """
    Then the result should be, in any order:
      | c |
      | 2 |
      | 2 |
      | 2 |
    And no side effects

  Scenario: Aggregates and a condition on them
    When executing query:
      """
      MATCH (n) WITH n.v AS v, count(*) AS c WHERE c > 1 RETURN v, c
      """
    Then the result should be, in any order:
      | v | c |
      | 2 | 2 |
    And no side effects

  Scenario: An aggregate of an aggregate in two steps
    When executing query:
      """
      MATCH (n) WITH n.v AS v, count(*) AS c RETURN sum(c) AS s, max(c) AS m, count(v) AS k
      """
    Then the result should be, in any order:
      | s | m | k |
      | 3 | 2 | 2 |
    And no side effects

  Scenario: A MATCH for each row
    When executing query:
      """
      MATCH (n:B) WITH n ORDER BY n.n LIMIT 1 MATCH (n)<--(m) RETURN n.n AS n, m.n AS m
      """
    Then the result should be, in any order:
      | n   | m   |
      | 'b' | 'a' |
    And no side effects

  Scenario: Constants and parameters
    Given any graph
    And parameters are:
      | p | [1, 2] |
    When executing query:
      """
      WITH $p AS l, 'x' AS s UNWIND l AS i RETURN s + i AS r
      """
    Then the result should be, in any order:
      | r    |
      | 'x1' |
      | 'x2' |
    And no side effects

  Scenario Outline: <query>
    Given any graph
    When executing query:
      """
      <query>
      """
    Then a SyntaxError should be raised at compile time: <detail>

    Examples:
      | query                                           | detail                         |
      | WITH 1 AS a RETURN b                            | UndefinedVariable              |
      | MATCH (n) WITH n.v AS v RETURN n                | UndefinedVariable              |
      | WITH a AS b RETURN b                            | UndefinedVariable              |
      | MATCH (n) WITH n.v RETURN 1                     | NoExpressionAlias              |
      | WITH 1 RETURN 1                                 | NoExpressionAlias              |
      | MATCH (n) WITH count(*) RETURN 1                | NoExpressionAlias              |
      | MATCH (n) WITH n, n.v + 1 RETURN n              | NoExpressionAlias              |
      | WITH 1 AS a, 2 AS a RETURN a                    | ColumnNameConflict             |
      | MATCH (n) WITH n, 1 AS n RETURN n               | ColumnNameConflict             |
      | WITH 1 AS a                                     | InvalidClauseComposition       |
      | WITH 1 AS a, a + 1 AS b RETURN b                | UndefinedVariable              |
      | MATCH (n) WITH n.v + count(*) AS x RETURN x     | AmbiguousAggregationExpression |
      | MATCH (n) WITH count(count(*)) AS x RETURN x    | NestedAggregation              |
      | MATCH (n) WITH n WHERE count(*) > 0 RETURN n    | InvalidAggregation             |
      | WITH RETURN 1                                   | UnexpectedSyntax               |
      | WITH 1 AS a WHERE RETURN 1                      | UnexpectedSyntax               |
