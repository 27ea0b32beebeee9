Feature: WITH ... WHERE

  Background:
    Given an empty graph
    And having executed:
      """
      CREATE (a:A {n: 'a', v: 1}), (b:B {n: 'b', v: 2}), (c:B {n: 'c'}), (a)-[:R]->(b), (a)-[:R]->(c)
      """

  Scenario Outline: WITH <with> WHERE <where>
    When executing query:
      """
      MATCH (n) WITH <with> WHERE <where> RETURN x ORDER BY x
      """
    Then the result should be, in order:
      | x |
      | <r> |
    And no side effects

    Examples:
      | with                         | where                   | r   |
      | n.n AS x                     | x = 'a'                 | 'a' |
      | n.n AS x                     | n.v = 2                 | 'b' |
      | n.n AS x, n.v AS v           | v IS NULL               | 'c' |
      | n.n AS x                     | n.v > 1 AND x <> 'a'    | 'b' |
      | n.n AS x                     | (n)-->()                | 'a' |
      | n.n AS x                     | NOT n:B                 | 'a' |
      | n.v AS x, count(*) AS c      | c = 1 AND x > 1         | 2   |
      | DISTINCT n.n AS x            | x STARTS WITH 'c'       | 'c' |
      | count(n.v) AS x              | x > 1                   | 2   |
      | n.n AS x ORDER BY n.n LIMIT 1 | true                   | 'a' |
      | n.n AS x ORDER BY n.n SKIP 2 | x > 'a'                 | 'c' |
      | sum(n.v) AS x                | x = 3                   | 3   |

  Scenario: The limit comes before the condition
    When executing query:
      """
      MATCH (n) WITH n ORDER BY n.n LIMIT 1 WHERE n:B RETURN n
      """
    Then the result should be, in any order:
      | n |
    And no side effects

  Scenario: A null condition drops
    When executing query:
      """
      MATCH (n) WITH n.v AS v WHERE v <> 5 RETURN v
      """
    Then the result should be, in any order:
      | v |
      | 1 |
      | 2 |
    And no side effects

  Scenario: Behind an aggregate only what it gives can be asked
    When executing query:
      """
      MATCH (n) WITH count(*) AS c WHERE n.v = 1 RETURN c
      """
    Then a SyntaxError should be raised at compile time: UndefinedVariable

  Scenario: Behind DISTINCT too
    When executing query:
      """
      MATCH (n) WITH DISTINCT n.v AS v WHERE n.n = 'a' RETURN v
      """
    Then a SyntaxError should be raised at compile time: UndefinedVariable
