Feature: Pattern comprehensions

  Background:
    Given an empty graph
    And having executed:
      """
      CREATE (a:A {n: 'a'}), (b:B {n: 'b'}), (c:B {n: 'c'}), (d:C {n: 'd'}),
             (a)-[:T {w: 1}]->(b), (a)-[:T {w: 2}]->(c), (b)-[:U {w: 3}]->(d), (a)-[:U {w: 4}]->(d)
      """

  Scenario: One node each
    When executing query:
      """
      MATCH (a:A) RETURN [(a)-->(x) | x.n] AS l
      """
    Then the result should be (ignoring element order for lists):
      | l               |
      | ['b', 'c', 'd'] |
    And no side effects

  Scenario: Labels, types and conditions
    When executing query:
      """
      MATCH (a:A)
      RETURN [(a)-[:T]->(x:B) WHERE x.n > 'b' | x.n] AS p, [(a)-[r]->() WHERE r.w > 1 | r.w] AS q, [(a)<--(x) | x] AS e
      """
    Then the result should be (ignoring element order for lists):
      | p     | q      | e  |
      | ['c'] | [2, 4] | [] |
    And no side effects

  Scenario: A named path
    When executing query:
      """
      MATCH (b:B) RETURN b.n AS n, [p = (b)-[:U]->() | p] AS l, [p = (b)--() | length(p)] AS s
      """
    Then the result should be (ignoring element order for lists):
      | n   | l                                          | s      |
      | 'b' | [<(:B {n: 'b'})-[:U {w: 3}]->(:C {n: 'd'})>] | [1, 1] |
      | 'c' | []                                         | [1]    |
    And no side effects

  Scenario: Variable length
    When executing query:
      """
      MATCH (a:A) RETURN [(a)-[*]->(x:C) | x.n] AS l, [(a)-[rs*2]->(x) | [size(rs), x.n]] AS m
      """
    Then the result should be (ignoring element order for lists):
      | l          | m          |
      | ['d', 'd'] | [[2, 'd']] |
    And no side effects

  Scenario: Both ends are bound
    When executing query:
      """
      MATCH (a:A), (x) WHERE x <> a RETURN x.n AS n, [(a)-[r]->(x) | type(r)] AS l
      """
    Then the result should be (ignoring element order for lists):
      | n   | l     |
      | 'b' | ['T'] |
      | 'c' | ['T'] |
      | 'd' | ['U'] |
    And no side effects

  Scenario: No variable is bound
    When executing query:
      """
      RETURN size([(x)-->(y) | 1]) AS c
      """
    Then the result should be, in any order:
      | c |
      | 4 |
    And no side effects

  Scenario: Inside of another comprehension
    When executing query:
      """
      MATCH (a:A) WITH [(a)-[:T]->(x) | x] AS xs
      RETURN [x IN xs WHERE size([(x)-->() | 1]) = 1 | x.n] AS l
      """
    Then the result should be, in any order:
      | l     |
      | ['b'] |
    And no side effects

  Scenario: Nested
    When executing query:
      """
      MATCH (a:A) RETURN [(a)-[:T]->(x) WHERE x.n = 'b' | [(x)-->(y) | y.n]] AS l
      """
    Then the result should be, in any order:
      | l       |
      | [['d']] |
    And no side effects

  Scenario: As a condition, and as an argument of an aggregate
    When executing query:
      """
      MATCH (n) WHERE size([(n)--() | 1]) > 1 RETURN count(*) AS c, sum(size([(n)-->() | 1])) AS s
      """
    Then the result should be, in any order:
      | c | s |
      | 3 | 4 |
    And no side effects

  Scenario: As a key of groups
    When executing query:
      """
      MATCH (n) RETURN size([(n)-->() | 1]) AS out, count(*) AS c
      """
    Then the result should be, in any order:
      | out | c |
      | 3   | 1 |
      | 1   | 1 |
      | 0   | 2 |
    And no side effects

  Scenario: From a null node there is nothing
    When executing query:
      """
      OPTIONAL MATCH (n:None) RETURN [(n)-->(x) | x] AS l
      """
    Then the result should be, in any order:
      | l  |
      | [] |
    And no side effects

  Scenario: Its variables are its own
    When executing query:
      """
      MATCH (a:A) RETURN [(a)-->(x) | x.n], x
      """
    Then a SyntaxError should be raised at compile time: UndefinedVariable
