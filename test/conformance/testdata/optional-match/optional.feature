Feature: OPTIONAL MATCH

  Scenario: In an empty graph
    Given an empty graph
    When executing query:
      """
      OPTIONAL MATCH (n) RETURN n
      """
    Then the result should be, in any order:
      | n    |
      | null |
    And no side effects

  Scenario: No match makes all of its variables null
    Given an empty graph
    And having executed:
      """
      CREATE (:A {n: 'a'})-[:R]->(:B {n: 'b'})
      """
    When executing query:
      """
      MATCH (x) OPTIONAL MATCH p = (x)-[r]->(y)-[s]->(z) RETURN x.n AS x, p, r, y, s, z
      """
    Then the result should be, in any order:
      | x   | p    | r    | y    | s    | z    |
      | 'a' | null | null | null | null | null |
      | 'b' | null | null | null | null | null |
    And no side effects

  Scenario: Some match
    Given an empty graph
    And having executed:
      """
      CREATE (a:A {n: 'a'})-[:R]->(:B {n: 'b'}), (a)-[:R]->(:B {n: 'c'})
      """
    When executing query:
      """
      MATCH (x) OPTIONAL MATCH (x)-->(y) RETURN x.n AS x, y.n AS y
      """
    Then the result should be, in any order:
      | x   | y    |
      | 'a' | 'b'  |
      | 'a' | 'c'  |
      | 'b' | null |
      | 'c' | null |
    And no side effects

  Scenario: Its WHERE belongs to it
    Given an empty graph
    And having executed:
      """
      CREATE (a:A {n: 'a'})-[:R]->(:B {n: 'b'}), (a)-[:R]->(:B {n: 'c'})
      """
    When executing query:
      """
      MATCH (x) OPTIONAL MATCH (x)-->(y) WHERE y.n > 'b' RETURN x.n AS x, y.n AS y
      """
    Then the result should be, in any order:
      | x   | y    |
      | 'a' | 'c'  |
      | 'b' | null |
      | 'c' | null |
    And no side effects

  Scenario: A WHERE about what was there before
    Given an empty graph
    And having executed:
      """
      CREATE (a:A {n: 'a'})-[:R]->(:B {n: 'b'})
      """
    When executing query:
      """
      MATCH (x:A) OPTIONAL MATCH (x)-->(y) WHERE x.n = 'z' RETURN x.n AS x, y
      """
    Then the result should be, in any order:
      | x   | y    |
      | 'a' | null |
    And no side effects

  Scenario: A WHERE behind WITH drops rows
    Given an empty graph
    And having executed:
      """
      CREATE (a:A {n: 'a'})-[:R]->(:B {n: 'b'})
      """
    When executing query:
      """
      MATCH (x) OPTIONAL MATCH (x)-->(y) WITH x, y WHERE y IS NOT NULL RETURN x.n AS x, y.n AS y
      """
    Then the result should be, in any order:
      | x   | y   |
      | 'a' | 'b' |
    And no side effects

  Scenario: From null there is null
    Given an empty graph
    And having executed:
      """
      CREATE (:A)-[:R]->(:B)
      """
    When executing query:
      """
      OPTIONAL MATCH (x:None) OPTIONAL MATCH (x)-->(y) OPTIONAL MATCH (z)-->(x) RETURN x, y, z
      """
    Then the result should be, in any order:
      | x    | y    | z    |
      | null | null | null |
    And no side effects

  Scenario: Both ends are bound
    Given an empty graph
    And having executed:
      """
      CREATE (a:A {n: 'a'})-[:R]->(b:B {n: 'b'}), (:B {n: 'c'})
      """
    When executing query:
      """
      MATCH (a:A), (b:B) OPTIONAL MATCH (a)-[r]->(b) RETURN b.n AS b, r
      """
    Then the result should be, in any order:
      | b   | r    |
      | 'b' | [:R] |
      | 'c' | null |
    And no side effects

  Scenario: Variable length and named path
    Given an empty graph
    And having executed:
      """
      CREATE (:A {n: 'a'})-[:R]->(:B {n: 'b'})
      """
    When executing query:
      """
      MATCH (x) OPTIONAL MATCH p = (x)-[rs:R*]->(y) RETURN x.n AS x, length(p) AS l, rs, y.n AS y
      """
    Then the result should be, in any order:
      | x   | l    | rs     | y    |
      | 'a' | 1    | [[:R]] | 'b'  |
      | 'b' | null | null   | null |
    And no side effects

  Scenario: Variable length of zero always matches
    Given an empty graph
    And having executed:
      """
      CREATE (:A {n: 'a'})
      """
    When executing query:
      """
      MATCH (x) OPTIONAL MATCH (x)-[rs*0..]->(y) RETURN rs, y.n AS y
      """
    Then the result should be, in any order:
      | rs | y   |
      | [] | 'a' |
    And no side effects

  Scenario: Several patterns match together or not at all
    Given an empty graph
    And having executed:
      """
      CREATE (a:A {n: 'a'})-[:R]->(:B {n: 'b'})
      """
    When executing query:
      """
      MATCH (x:A) OPTIONAL MATCH (x)-->(y), (x)-[:S]->(z) RETURN x.n AS x, y, z
      """
    Then the result should be, in any order:
      | x   | y    | z    |
      | 'a' | null | null |
    And no side effects

  Scenario: Counting what may be missing
    Given an empty graph
    And having executed:
      """
      CREATE (a:A {n: 'a'})-[:R]->(:B {n: 'b'}), (a)-[:R]->(:B {n: 'c'})
      """
    When executing query:
      """
      MATCH (x) OPTIONAL MATCH (x)-->(y) RETURN x.n AS x, count(y) AS c, count(*) AS r, collect(y.n) AS l
      """
    Then the result should be (ignoring element order for lists):
      | x   | c | r | l          |
      | 'a' | 2 | 2 | ['b', 'c'] |
      | 'b' | 0 | 1 | []         |
      | 'c' | 0 | 1 | []         |
    And no side effects

  Scenario: A label that the bound node has not
    Given an empty graph
    And having executed:
      """
      CREATE (:A), (:B)
      """
    When executing query:
      """
      MATCH (n) OPTIONAL MATCH (n:A) RETURN n
      """
    Then the result should be, in any order:
      | n    |
      | (:A) |
      | (:B) |
    And no side effects

  Scenario: MATCH behind OPTIONAL MATCH with a null
    Given an empty graph
    And having executed:
      """
      CREATE (:A)
      """
    When executing query:
      """
      MATCH (a:A) OPTIONAL MATCH (a)-->(b) MATCH (b)-->(c) RETURN a, b, c
      """
    Then the result should be, in any order:
      | a | b | c |
    And no side effects

  Scenario: MATCH from a list with null
    Given an empty graph
    And having executed:
      """
      CREATE (:A)-[:R]->(:B)
      """
    When executing query:
      """
      MATCH (a:A) OPTIONAL MATCH (x:None) UNWIND [a, x] AS n OPTIONAL MATCH (n)-->(m) RETURN n, m
      """
    Then the result should be, in any order:
      | n    | m    |
      | (:A) | (:B) |
      | null | null |
    And no side effects

  Scenario: A pattern as the condition
    Given an empty graph
    And having executed:
      """
      CREATE (:A {n: 'a'})-[:R]->(:B {n: 'b'})-[:R]->(:C {n: 'c'})
      """
    When executing query:
      """
      MATCH (x) OPTIONAL MATCH (x)-->(y) WHERE (y)-->() RETURN x.n AS x, y.n AS y
      """
    Then the result should be, in any order:
      | x   | y    |
      | 'a' | 'b'  |
      | 'b' | null |
      | 'c' | null |
    And no side effects
