Feature: Functions of nodes and relationships

  Background:
    Given an empty graph
    And having executed:
      """
      CREATE (:A:B {x: 1})-[:T {y: 2}]->(), (:A)
      """

  Scenario: labels and type
    When executing query:
      """
      MATCH (n)-[r]->(m) RETURN size(labels(n)) AS c, 'A' IN labels(n) AS a, labels(m) AS e, type(r) AS t
      """
    Then the result should be, in any order:
      | c | a    | e  | t   |
      | 2 | true | [] | 'T' |
    And no side effects

  Scenario: Labels as an expression
    When executing query:
      """
      MATCH (n) RETURN n:A AS a, n:A:B AS ab, n:B AS b, n:a AS l, n:None AS x
      """
    Then the result should be, in any order:
      | a     | ab    | b     | l     | x     |
      | true  | true  | true  | false | false |
      | false | false | false | false | false |
      | true  | false | false | false | false |
    And no side effects

  Scenario: The type of a relationship as an expression
    When executing query:
      """
      MATCH ()-[r]->() RETURN r:T AS t, r:U AS u, r:T:U AS tu
      """
    Then the result should be, in any order:
      | t    | u     | tu    |
      | true | false | false |
    And no side effects

  Scenario: Of null
    When executing query:
      """
      OPTIONAL MATCH (n:None)-[r]->() RETURN labels(n) AS l, type(r) AS t, n:A AS a, id(n) AS i, properties(r) AS p, keys(n) AS k, n.x AS x, startNode(r) AS s
      """
    Then the result should be, in any order:
      | l    | t    | a    | i    | p    | k    | x    | s    |
      | null | null | null | null | null | null | null | null |
    And no side effects

  Scenario: Elements of lists whose type only shows at run time
    When executing query:
      """
      MATCH (n:B)-[r]->() WITH [n, r, 1] AS l RETURN labels(l[0]) = ['A', 'B'] OR labels(l[0]) = ['B', 'A'] AS a, type(l[1]) AS t, l[0].x AS x
      """
    Then the result should be, in any order:
      | a    | t   | x |
      | true | 'T' | 1 |
    And no side effects

  Scenario Outline: <expr> fails when it is run
    When executing query:
      """
      MATCH (n:B)-[r]->() WITH [n, r, 1] AS l RETURN <expr>
      """
    Then a TypeError should be raised at runtime: InvalidArgumentValue

    Examples:
      | expr         |
      | type(l[0])   |
      | type(l[2])   |
      | labels(l[1]) |
      | labels(l[2]) |

  Scenario: properties and keys
    When executing query:
      """
      MATCH (n)-[r]->(m) RETURN properties(n) AS n, properties(r) AS r, properties(m) AS m, keys(n) AS k
      """
    Then the result should be, in any order:
      | n      | r      | m  | k     |
      | {x: 1} | {y: 2} | {} | ['x'] |
    And no side effects

  Scenario: id tells nodes apart
    When executing query:
      """
      MATCH (n) WITH collect(DISTINCT id(n)) AS ids, collect(id(n) = id(n)) AS same RETURN size(ids) AS c, all(x IN same WHERE x) AS s
      """
    Then the result should be, in any order:
      | c | s    |
      | 3 | true |
    And no side effects

  Scenario: exists of a property
    When executing query:
      """
      MATCH (n) RETURN exists(n.x) AS e, n.x IS NOT NULL AS i, count(*) AS c
      """
    Then the result should be, in any order:
      | e     | i     | c |
      | true  | true  | 1 |
      | false | false | 2 |
    And no side effects
