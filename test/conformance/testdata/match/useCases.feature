Feature: Counting subgraphs, friends of friends

  Background:
    Given an empty graph
    And having executed:
      """
      CREATE (a:P {n: 'a'}), (b:P {n: 'b'}), (c:P {n: 'c'}), (d:P {n: 'd'}), (l:Q {n: 'l'}),
             (a)-[:K]->(b), (b)-[:K]->(c), (a)-[:K]->(c), (c)-[:K]->(d), (a)-[:F]->(d), (l)-[:K]->(l)
      """

  Scenario Outline: Count of <pattern>
    When executing query:
      """
      MATCH <pattern> RETURN count(*) AS c
      """
    Then the result should be, in any order:
      | c   |
      | <c> |
    And no side effects

    Examples:
      | pattern                        | c  |
      | (n)                            | 5  |
      | (n:P)                          | 4  |
      | ()-->()                        | 6  |
      | ()--()                         | 11 |
      | ()<--()                        | 6  |
      | ()-[:K]->()                    | 5  |
      | ()-[:K]-()                     | 9  |
      | (:P)-->()                      | 5  |
      | (:Q)--()                       | 1  |
      | ()-[:K\|F]->()                 | 6  |
      | ()-[:X]->()                    | 0  |
      | ()-->()-->()                   | 3  |
      | (a)-->(b)-->(c)<--(a)          | 2  |
      | (a)-->(b), (c)-->(d)           | 30 |
      | (x)-->(x)                      | 1  |
      | (a)-->(b)<--(c)                | 4  |
      | ()-[*2..2]->()                 | 3  |

  Scenario: Friends of friends that are no friends
    When executing query:
      """
      MATCH (a:P {n: 'a'})-[:K]->(b)-[:K]->(c) WHERE NOT (a)-[:K]->(c) RETURN c.n AS c
      """
    Then the result should be, in any order:
      | c   |
      | 'd' |
    And no side effects

  Scenario: The same by OPTIONAL MATCH
    When executing query:
      """
      MATCH (a:P {n: 'a'})-[:K]->(b)-->(c) OPTIONAL MATCH (a)-[r:K]->(c) WITH c, r WHERE r IS NULL RETURN c.n AS c
      """
    Then the result should be, in any order:
      | c   |
      | 'd' |
    And no side effects

  Scenario: Friends of friends by another type
    When executing query:
      """
      MATCH (a:P {n: 'a'})-[:K]->(b)-[:K]->(c) OPTIONAL MATCH (a)-[r:F]->(c) WITH c, r WHERE r IS NOT NULL RETURN c.n AS c
      """
    Then the result should be, in any order:
      | c   |
      | 'd' |
    And no side effects

  Scenario: Triangles
    When executing query:
      """
      MATCH (a)-->(b)-->(c), (a)-->(c) RETURN a.n AS a, b.n AS b, c.n AS c
      """
    Then the result should be, in any order:
      | a   | b   | c   |
      | 'a' | 'b' | 'c' |
      | 'a' | 'c' | 'd' |
    And no side effects
