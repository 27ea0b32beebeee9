Feature: Paths as values

  Background:
    Given an empty graph
    And having executed:
      """
      CREATE (:A {n: 1})-[:T {w: 1}]->(:B {n: 2})<-[:U {w: 2}]-(:C {n: 3})
      """

  Scenario: nodes, relationships, length
    When executing query:
      """
      MATCH p = (:A)-->()<--(:C) RETURN length(p) AS l, nodes(p) AS ns, relationships(p) AS rs
      """
    Then the result should be, in any order:
      | l | ns                                       | rs                            |
      | 2 | [(:A {n: 1}), (:B {n: 2}), (:C {n: 3})]  | [[:T {w: 1}], [:U {w: 2}]]    |
    And no side effects

  Scenario: A path of one node
    When executing query:
      """
      MATCH p = (:A) RETURN p, length(p) AS l, nodes(p) AS ns, relationships(p) AS rs
      """
    Then the result should be, in any order:
      | p             | l | ns             | rs |
      | <(:A {n: 1})> | 0 | [(:A {n: 1})]  | [] |
    And no side effects

  Scenario: Of a path that goes against a relationship
    When executing query:
      """
      MATCH p = (:C)-->()<--(:A) RETURN p
      """
    Then the result should be, in any order:
      | p                                                                |
      | <(:C {n: 3})-[:U {w: 2}]->(:B {n: 2})<-[:T {w: 1}]-(:A {n: 1})> |
    And no side effects

  Scenario: startNode and endNode follow the relationship and not the path
    When executing query:
      """
      MATCH (b:B)-[r]-(x) RETURN startNode(r) = x AS s, endNode(r) = b AS e, startNode(r).n AS n
      """
    Then the result should be, in any order:
      | s    | e    | n |
      | true | true | 1 |
      | true | true | 3 |
    And no side effects

  Scenario: Length zero and more
    When executing query:
      """
      MATCH p = (:A)-[*0..2]-(x) RETURN length(p) AS l, x.n AS n
      """
    Then the result should be, in any order:
      | l | n |
      | 0 | 1 |
      | 1 | 2 |
      | 2 | 3 |
    And no side effects

  Scenario: Null
    When executing query:
      """
      OPTIONAL MATCH p = (:None)-->() RETURN p, length(p) AS l, nodes(p) AS ns, relationships(p) AS rs
      """
    Then the result should be, in any order:
      | p    | l    | ns   | rs   |
      | null | null | null | null |
    And no side effects

  Scenario: Paths are grouped and distinct by what they go through
    When executing query:
      """
      MATCH p = (:A)-->() UNWIND [1, 2] AS x RETURN p, count(*) AS c, count(DISTINCT p) AS d
      """
    Then the result should be, in any order:
      | p                                      | c | d |
      | <(:A {n: 1})-[:T {w: 1}]->(:B {n: 2})> | 2 | 1 |
    And no side effects

  Scenario Outline: <expr> is not of paths
    When executing query:
      """
      MATCH p = (n)-[r]->() RETURN <expr>
      """
    Then a SyntaxError should be raised at compile time: InvalidArgumentType

    Examples:
      | expr             |
      | length(n)        |
      | length(r)        |
      | size(p)          |
      | nodes(r)         |
      | relationships(n) |
      | type(n)          |
      | type(p)          |
      | labels(r)        |
      | labels(p)        |
      | p.x              |
      | keys(p)          |
      | properties(1)    |
      | properties('a')  |
      | properties([1])  |
      | startNode(n)     |
