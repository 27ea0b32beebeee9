Feature: Shortest paths

  Background:
    Given an empty graph
    And having executed:
      """
      CREATE (a:A {n: 'a'}), (b {n: 'b'}), (c {n: 'c'}), (d:D {n: 'd'}), (e:E {n: 'e'}),
             (a)-[:R {w: 1}]->(b), (b)-[:R {w: 2}]->(d), (a)-[:R {w: 3}]->(c), (c)-[:R {w: 4}]->(d), (a)-[:S {w: 5}]->(x {n: 'x'}), (x)-[:S {w: 6}]->(y {n: 'y'}), (y)-[:S {w: 7}]->(d)
      """

  Scenario: One of the shortest
    When executing query:
      """
      MATCH (a:A), (d:D) MATCH p = shortestPath((a)-[*]->(d)) RETURN length(p) AS l, size(relationships(p)) AS s
      """
    Then the result should be, in any order:
      | l | s |
      | 2 | 2 |
    And no side effects

  Scenario: All of the shortest
    When executing query:
      """
      MATCH p = allShortestPaths((:A)-[*]->(:D)) RETURN [x IN nodes(p) | x.n] AS l
      """
    Then the result should be, in any order:
      | l               |
      | ['a', 'b', 'd'] |
      | ['a', 'c', 'd'] |
    And no side effects

  Scenario: By type
    When executing query:
      """
      MATCH p = shortestPath((:A)-[r:S*]->(:D)) RETURN length(p) AS l, [x IN r | x.w] AS w
      """
    Then the result should be, in any order:
      | l | w         |
      | 3 | [5, 6, 7] |
    And no side effects

  Scenario: None
    When executing query:
      """
      MATCH p = shortestPath((:A)-[*]-(:E)) RETURN p
      """
    Then the result should be, in any order:
      | p |
    And no side effects

  Scenario: Too far
    When executing query:
      """
      MATCH p = shortestPath((:A)-[:S*..2]->(:D)) RETURN p
      """
    Then the result should be, in any order:
      | p |
    And no side effects

  Scenario: Undirected
    When executing query:
      """
      MATCH p = shortestPath((:D)-[*]-(:A)) RETURN length(p) AS l
      """
    Then the result should be, in any order:
      | l |
      | 2 |
    And no side effects

  Scenario: Optional
    When executing query:
      """
      MATCH (a:A), (e:E) OPTIONAL MATCH p = shortestPath((a)-[*]-(e)) RETURN a.n AS n, p
      """
    Then the result should be, in any order:
      | n   | p    |
      | 'a' | null |
    And no side effects

  Scenario: From one to each other
    When executing query:
      """
      MATCH p = shortestPath((:A)-[*]->(x)) WHERE x.n <> 'a' RETURN x.n AS n, length(p) AS l
      """
    Then the result should be, in any order:
      | n   | l |
      | 'b' | 1 |
      | 'c' | 1 |
      | 'd' | 2 |
      | 'x' | 1 |
      | 'y' | 2 |
    And no side effects
