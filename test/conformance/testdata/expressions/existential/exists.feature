Feature: EXISTS {}

  Background:
    Given an empty graph
    And having executed:
      """
      CREATE (a:A {n: 'a', v: 1}), (b:B {n: 'b', v: 2}), (c:C {n: 'c', v: 2}), (d:D {n: 'd', v: 1}),
             (a)-[:R]->(b), (b)-[:S]->(c), (a)-[:R]->(d), (a)-[:S]->(c)
      """

  Scenario Outline: EXISTS <q>
    When executing query:
      """
      MATCH (n) WHERE EXISTS { <q> } WITH n ORDER BY n.n RETURN collect(n.n) AS l
      """
    Then the result should be, in any order:
      | l   |
      | <l> |
    And no side effects

    Examples:
      | q                                                  | l               |
      | (n)-->()                                           | ['a', 'b']      |
      | (n)-->(m)                                          | ['a', 'b']      |
      | (n)-[r:S]->(m)                                     | ['a', 'b']      |
      | (n)-->(m) WHERE m.v = n.v                          | ['a', 'b']      |
      | (n)-->(m:D) WHERE m.v = n.v                        | ['a']           |
      | MATCH (n)-->(m)                                    | ['a', 'b']      |
      | MATCH (n)-->(m) WHERE m.v > n.v                    | ['a']           |
      | MATCH (n)-->(m) RETURN m                           | ['a', 'b']      |
      | MATCH (n)-->(m) RETURN true                        | ['a', 'b']      |
      | MATCH (n)-->(m) WITH n, count(*) AS c WHERE c = 3 RETURN true | ['a'] |
      | MATCH (n)-->() MATCH (n)<--()                      | ['b']           |
      | MATCH (x:X)                                        | []              |
      | MATCH (x:A)                                        | ['a', 'b', 'c', 'd'] |
      | (n)-->(m), (m)-->(o)                               | ['a']           |
      | (n)-->(m) WHERE (m)-->(:C)                         | ['a']           |
      | (n)-->(m) WHERE NOT (m)-->()                       | ['a', 'b']      |
      | (n)-->(m) WHERE EXISTS { (m)-->(o) WHERE o.v = m.v } | ['a']         |
      | MATCH (n)-->(m) WHERE NOT EXISTS { MATCH (m)<--(o) WHERE o <> n } RETURN m | ['a'] |
      | MATCH (n)-->(m) WHERE exists((m)-->()) RETURN 1    | ['a']           |
      | UNWIND [1, 2] AS x MATCH (n) WHERE n.v = x + 1 RETURN x | ['b', 'c'] |
      | MATCH (m) WHERE m.v = n.v AND m <> n RETURN m LIMIT 1 | ['a', 'b', 'c', 'd'] |

  Scenario: NOT EXISTS, and with others
    When executing query:
      """
      MATCH (n) WHERE NOT EXISTS { (n)-->() } AND (n.v = 2 OR EXISTS { (n)<-[:R]-() }) RETURN n.n AS n
      """
    Then the result should be, in any order:
      | n   |
      | 'c' |
      | 'd' |
    And no side effects

  Scenario: As a value
    When executing query:
      """
      MATCH (n) RETURN n.n AS n, EXISTS { (n)-[:S]->() } AS s ORDER BY n
      """
    Then the result should be, in order:
      | n   | s     |
      | 'a' | true  |
      | 'b' | true  |
      | 'c' | false |
      | 'd' | false |
    And no side effects

  Scenario: With an aggregate inside
    When executing query:
      """
      MATCH (n) WHERE EXISTS { MATCH (n)-->(m) WITH count(m) AS c WHERE c > 1 RETURN c } RETURN n.n AS n
      """
    Then the result should be, in any order:
      | n   |
      | 'a' |
    And no side effects

  Scenario: It may not write
    When executing query:
      """
      MATCH (n) WHERE EXISTS { MATCH (n)-->(m) SET m.x = 1 } RETURN n
      """
    Then a SyntaxError should be raised at compile time: InvalidClauseComposition

  Scenario: What is bound in it does not come out
    When executing query:
      """
      MATCH (n) WHERE EXISTS { (n)-->(m) } RETURN m
      """
    Then a SyntaxError should be raised at compile time: UndefinedVariable
