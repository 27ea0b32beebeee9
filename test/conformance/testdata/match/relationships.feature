Feature: MATCH of relationships

  Background:
    Given an empty graph
    And having executed:
      """
      CREATE (a:A {n: 'a'}), (b:B {n: 'b'}), (c:C {n: 'c'}),
             (a)-[:R {w: 1}]->(b), (b)-[:R {w: 2}]->(c), (a)-[:S {w: 3}]->(c), (c)-[:R {w: 4}]->(a), (b)-[:L {w: 5}]->(b)
      """

  Scenario Outline: MATCH <pattern>
    When executing query:
      """
      MATCH <pattern> WITH r ORDER BY r.w RETURN collect(r.w) AS l
      """
    Then the result should be, in any order:
      | l   |
      | <l> |
    And no side effects

    Examples:
      | pattern                      | l               |
      | ()-[r]->()                   | [1, 2, 3, 4, 5] |
      | ()<-[r]-()                   | [1, 2, 3, 4, 5] |
      | ()-[r]-()                    | [1, 1, 2, 2, 3, 3, 4, 4, 5] |
      | ()<-[r]->()                  | [1, 1, 2, 2, 3, 3, 4, 4, 5] |
      | ()-[r:R]->()                 | [1, 2, 4]       |
      | ()-[r:r]->()                 | []              |
      | ()-[r:R\|S]->()              | [1, 2, 3, 4]    |
      | ()-[r:R\|:S]->()             | [1, 2, 3, 4]    |
      | ()-[r:R\|R]->()              | [1, 2, 4]       |
      | ()-[r {w: 3}]->()            | [3]             |
      | ()-[r:R {w: 3}]->()          | []              |
      | ()-[r {w: null}]->()         | []              |
      | (:A)-[r]->()                 | [1, 3]          |
      | (:A)-[r]-()                  | [1, 3, 4]       |
      | ()-[r]->(:A)                 | [4]             |
      | (:A)-[r]-(:C)                | [3, 4]          |
      | (:A)-[r]->(:C)               | [3]             |
      | (:B)-[r]-(:B)                | [5]             |
      | (x)-[r]->(x)                 | [5]             |
      | (x)-[r]-(x)                  | [5]             |
      | (x:A)-[r]-(x)                | []              |
      | (a:A)-[r]->(b), (b)-->(:C)   | [1]             |
      | (a)-[r]->(b)-->(c)           | [1, 1, 2, 3, 4, 4, 5] |
      | (a)-[r]->(b)-->(c)-->(a)     | [1, 2, 4]       |
      | (a)-[r]->(b), (c)            | [1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 5, 5, 5] |
      | ()-[r]->()<-[s]-()           | [1, 2, 3, 5]    |

  Scenario: A relationship is matched once by a clause
    When executing query:
      """
      MATCH (:A)-[r]-(x)-[s]-(:A) RETURN x.n AS x, r.w AS r, s.w AS s
      """
    Then the result should be, in any order:
      | x   | r | s |
      | 'c' | 3 | 4 |
      | 'c' | 4 | 3 |
    And no side effects

  Scenario: Two clauses may match one relationship
    When executing query:
      """
      MATCH (a:A)-[r:R]->(b) MATCH (a)-[s:R]->(b) RETURN r = s AS same
      """
    Then the result should be, in any order:
      | same |
      | true |
    And no side effects

  Scenario: Two patterns of one clause may not
    When executing query:
      """
      MATCH (a:A)-[r:R]->(b), (a)-[s:R]->(b) RETURN r
      """
    Then the result should be, in any order:
      | r |
    And no side effects

  Scenario: A self loop undirected is there once
    When executing query:
      """
      MATCH (b:B)-[r:L]-(x) RETURN x.n AS n, r.w AS w
      """
    Then the result should be, in any order:
      | n   | w |
      | 'b' | 5 |
    And no side effects

  Scenario: A bound relationship goes on
    When executing query:
      """
      MATCH ()-[r:S]->() WITH r MATCH (x)-[r]->(y) RETURN x.n AS x, y.n AS y
      """
    Then the result should be, in any order:
      | x   | y   |
      | 'a' | 'c' |
    And no side effects

  Scenario: A bound relationship undirected goes both ways
    When executing query:
      """
      MATCH ()-[r:S]->() WITH r MATCH (x)-[r]-(y) RETURN x.n AS x, y.n AS y
      """
    Then the result should be, in any order:
      | x   | y   |
      | 'a' | 'c' |
      | 'c' | 'a' |
    And no side effects

  Scenario: A bound relationship with a type it has not
    When executing query:
      """
      MATCH ()-[r:S]->() WITH r MATCH (x)-[r:R]->(y) RETURN x
      """
    Then the result should be, in any order:
      | x |
    And no side effects

  Scenario: Bound ends the wrong way round
    When executing query:
      """
      MATCH (a:A)-[r:S]->(c:C) WITH a, r, c MATCH (c)-[r]->(a) RETURN r
      """
    Then the result should be, in any order:
      | r |
    And no side effects

  Scenario: A null relationship matches nothing
    When executing query:
      """
      OPTIONAL MATCH ()-[r:None]->() WITH r MATCH (x)-[r]->() RETURN x
      """
    Then the result should be, in any order:
      | x |
    And no side effects

  Scenario: Named paths of several patterns
    When executing query:
      """
      MATCH p = (:A)-[:R]->(), q = (:C)-[:R]->() RETURN p, q
      """
    Then the result should be, in any order:
      | p                                            | q                                            |
      | <(:A {n: 'a'})-[:R {w: 1}]->(:B {n: 'b'})>   | <(:C {n: 'c'})-[:R {w: 4}]->(:A {n: 'a'})>   |
    And no side effects

  Scenario: Parallel relationships
    Given having executed:
      """
      CREATE (x:X)-[:P]->(y:Y), (x)-[:P]->(y)
      """
    When executing query:
      """
      MATCH (x:X)-[r]->(y), (x)-[s]->(y) RETURN count(*) AS c, count(DISTINCT r) AS d
      """
    Then the result should be, in any order:
      | c | d |
      | 2 | 2 |
    And no side effects
