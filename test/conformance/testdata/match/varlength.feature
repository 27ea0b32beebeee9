Feature: Variable length

  Background:
    Given an empty graph
    And having executed:
      """
      CREATE (a:N {n: 'a'}), (b:N {n: 'b'}), (c:N {n: 'c'}), (d:N {n: 'd'}),
             (a)-[:R {w: 1}]->(b), (b)-[:R {w: 2}]->(c), (c)-[:S {w: 3}]->(d), (b)-[:S {w: 4}]->(d)
      """

  Scenario Outline: From a, <rel>
    When executing query:
      """
      MATCH p = ({n: 'a'})<rel>(x) WITH x, length(p) AS l ORDER BY x.n, l RETURN collect(x.n + l) AS l
      """
    Then the result should be, in any order:
      | l   |
      | <l> |
    And no side effects

    Examples:
      | rel               | l                                  |
      | -[*]->            | ['b1', 'c2', 'd2', 'd3']           |
      | -[*0..]->         | ['a0', 'b1', 'c2', 'd2', 'd3']     |
      | -[*0]->           | ['a0']                             |
      | -[*1]->           | ['b1']                             |
      | -[*2]->           | ['c2', 'd2']                       |
      | -[*2..]->         | ['c2', 'd2', 'd3']                 |
      | -[*..2]->         | ['b1', 'c2', 'd2']                 |
      | -[*1..1]->        | ['b1']                             |
      | -[*0..1]->        | ['a0', 'b1']                       |
      | -[*2..3]->        | ['c2', 'd2', 'd3']                 |
      | -[*3..2]->        | []                                 |
      | -[*0..0]->        | ['a0']                             |
      | -[*..0]->         | []                                 |
      | -[*4]->           | []                                 |
      | -[:R*]->          | ['b1', 'c2']                       |
      | -[:S*]->          | []                                 |
      | -[:R\|S*]->       | ['b1', 'c2', 'd2', 'd3']           |
      | -[*]-             | ['b1', 'b4', 'b4', 'c2', 'c3', 'd2', 'd3'] |
      | <-[*]-            | []                                 |
      | -[* {w: 1}]->     | ['b1']                             |
      | -[:R* {w: 2}]->   | []                                 |
      | -[*1..2]->()-[*1..2]-> | ['c2', 'd2', 'd3', 'd3'] |

  Scenario: The relationships are a list
    When executing query:
      """
      MATCH ({n: 'a'})-[r*2]->(x) RETURN r, x.n AS n
      """
    Then the result should be, in any order:
      | r                          | n   |
      | [[:R {w: 1}], [:R {w: 2}]] | 'c' |
      | [[:R {w: 1}], [:S {w: 4}]] | 'd' |
    And no side effects

  Scenario: Against the direction, the list is in the order of the walk
    When executing query:
      """
      MATCH ({n: 'd'})<-[r*3]-(x) RETURN [y IN r | y.w] AS l, x.n AS n
      """
    Then the result should be, in any order:
      | l         | n   |
      | [3, 2, 1] | 'a' |
    And no side effects

  Scenario: Of length zero the list is empty
    When executing query:
      """
      MATCH ({n: 'd'})-[r*0..1]->(x) RETURN r, x.n AS n
      """
    Then the result should be, in any order:
      | r  | n   |
      | [] | 'd' |
    And no side effects

  Scenario: Both ends are bound
    When executing query:
      """
      MATCH (a {n: 'a'}), (d {n: 'd'}) MATCH (a)-[r*]->(d) RETURN [x IN r | x.w] AS l
      """
    Then the result should be, in any order:
      | l         |
      | [1, 2, 3] |
      | [1, 4]    |
    And no side effects

  Scenario: A cycle is walked once
    Given having executed:
      """
      CREATE (x:X)-[:C]->(:Y)-[:C]->(x)
      """
    When executing query:
      """
      MATCH (x:X)-[r*]->(y) RETURN size(r) AS s, x = y AS back
      """
    Then the result should be, in any order:
      | s | back  |
      | 1 | false |
      | 2 | true  |
    And no side effects

  Scenario: A self loop
    Given having executed:
      """
      CREATE (x:X)-[:C]->(x)
      """
    When executing query:
      """
      MATCH (x:X)-[r*0..]-(y) RETURN size(r) AS s
      """
    Then the result should be, in any order:
      | s |
      | 0 |
      | 1 |
    And no side effects

  Scenario: A list of relationships that is bound
    When executing query:
      """
      MATCH ({n: 'a'})-[r1]->()-[r2]->({n: 'c'}) WITH [r1, r2] AS rs MATCH (x)-[rs*]->(y) RETURN x.n AS x, y.n AS y
      """
    Then the result should be, in any order:
      | x   | y   |
      | 'a' | 'c' |
    And no side effects

  Scenario: A list of relationships in the wrong order
    When executing query:
      """
      MATCH ({n: 'a'})-[r1]->()-[r2]->({n: 'c'}) WITH [r2, r1] AS rs MATCH (x)-[rs*]->(y) RETURN x
      """
    Then the result should be, in any order:
      | x |
    And no side effects

  Scenario: A bound list with bound ends
    When executing query:
      """
      MATCH (a {n: 'a'})-[r1]->()-[r2]->(c {n: 'c'}) WITH [r1, r2] AS rs, a AS first, c AS second MATCH (first)-[rs*]->(second) RETURN first.n AS f, second.n AS s
      """
    Then the result should be, in any order:
      | f   | s   |
      | 'a' | 'c' |
    And no side effects

  Scenario: Uniqueness holds between a fixed and a variable part
    When executing query:
      """
      MATCH ({n: 'b'})-[r]-(x)-[s*1..1]-(y) WHERE y.n = 'b' RETURN x.n AS x
      """
    Then the result should be, in any order:
      | x |
    And no side effects

  Scenario: A pattern between two of variable length
    When executing query:
      """
      MATCH ({n: 'a'})-[*0..1]->()-[r:R]->()-[*0..1]->(x) RETURN r.w AS w, x.n AS x
      """
    Then the result should be, in any order:
      | w | x   |
      | 1 | 'b' |
      | 1 | 'c' |
      | 1 | 'd' |
      | 2 | 'c' |
      | 2 | 'd' |
    And no side effects

  Scenario: A long chain
    Given having executed:
      """
      CREATE (h:H) WITH h UNWIND range(1, 30) AS i CREATE (h)-[:X {i: i}]->(:T {i: i})
      """
    When executing query:
      """
      MATCH (:H)-[:X*]->(t) RETURN count(*) AS c, max(t.i) AS m
      """
    Then the result should be, in any order:
      | c  | m  |
      | 30 | 30 |
    And no side effects

  Scenario Outline: <rel> is no relationship pattern
    When executing query:
      """
      MATCH (a)<rel>(b) RETURN a
      """
    Then a SyntaxError should be raised at compile time: InvalidRelationshipPattern

    Examples:
      | rel            |
      | -[*-1]->       |
      | -[*-2..]->     |
      | -[:R..]->      |
