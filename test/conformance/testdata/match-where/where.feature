Feature: MATCH ... WHERE

  Background:
    Given an empty graph
    And having executed:
      """
      CREATE (a:A {v: 1, n: 'a'}), (b:B {v: 2, n: 'b'}), (c:A:B {v: 3, n: 'c'}), (d {n: 'd'}),
             (a)-[:R {w: 1}]->(b), (b)-[:S {w: 2}]->(c), (c)-[:R]->(d), (a)-[:S {w: 3}]->(d)
      """

  Scenario Outline: Nodes where <where>
    When executing query:
      """
      MATCH (n) WHERE <where> WITH n ORDER BY n.n RETURN collect(n.n) AS l
      """
    Then the result should be, in any order:
      | l   |
      | <l> |
    And no side effects

    Examples:
      | where                               | l                    |
      | true                                | ['a', 'b', 'c', 'd'] |
      | false                               | []                   |
      | null                                | []                   |
      | n:A                                 | ['a', 'c']           |
      | NOT n:A                             | ['b', 'd']           |
      | n:A AND n:B                         | ['c']                |
      | n:A:B                               | ['c']                |
      | n:A OR n:B                          | ['a', 'b', 'c']      |
      | n.v = 1                             | ['a']                |
      | n.v <> 1                            | ['b', 'c']           |
      | NOT n.v = 1                         | ['b', 'c']           |
      | n.v > 1                             | ['b', 'c']           |
      | n.v >= 2 AND n.v < 3                | ['b']                |
      | n.v IN [1, 3]                       | ['a', 'c']           |
      | n.v IN [1, null]                    | ['a']                |
      | NOT n.v IN [1, null]                | []                   |
      | NOT n.v IN [1]                      | ['b', 'c']           |
      | n.v IS NULL                         | ['d']                |
      | n.v IS NOT NULL                     | ['a', 'b', 'c']      |
      | exists(n.v)                         | ['a', 'b', 'c']      |
      | NOT exists(n.v)                     | ['d']                |
      | n.v = n.v                           | ['a', 'b', 'c']      |
      | n = n                               | ['a', 'b', 'c', 'd'] |
      | n.v % 2 = 1 OR n.n = 'd'            | ['a', 'c', 'd']      |
      | n.n =~ '[a-c]' AND n.v > 1          | ['b', 'c']           |
      | 'A' IN labels(n)                    | ['a', 'c']           |
      | size(labels(n)) = 0                 | ['d']                |
      | n['v'] = 2                          | ['b']                |
      | (n.v = 1) = true                    | ['a']                |
      | n.v = 1 XOR n:A                     | ['c']                |
      | 1 < n.v OR n.v IS NULL              | ['b', 'c', 'd']      |
      | n.v = toInteger('2')                | ['b']                |
      | {x: n.v} = {x: 1}                   | ['a']                |
      | [n.v] = [2]                         | ['b']                |

  Scenario Outline: Relationships where <where>
    When executing query:
      """
      MATCH (a)-[r]->(b) WHERE <where> WITH a, b ORDER BY a.n, b.n RETURN collect(a.n + b.n) AS l
      """
    Then the result should be, in any order:
      | l   |
      | <l> |
    And no side effects

    Examples:
      | where                     | l                        |
      | type(r) = 'R'             | ['ab', 'cd']             |
      | r:R                       | ['ab', 'cd']             |
      | NOT type(r) = 'R'         | ['ad', 'bc']             |
      | r.w > 1                   | ['ad', 'bc']             |
      | r.w IS NULL               | ['cd']                   |
      | a.v < b.v                 | ['ab', 'bc']             |
      | a.v = b.v - 1             | ['ab', 'bc']             |
      | a:A AND b:B               | ['ab']                   |
      | startNode(r) = a          | ['ab', 'ad', 'bc', 'cd'] |
      | endNode(r) = a            | []                       |
      | r = r                     | ['ab', 'ad', 'bc', 'cd'] |
      | a.n + b.n = 'bc'          | ['bc']                   |
      | r.w = a.v                 | ['ab', 'bc']             |

  Scenario: Joins over properties
    When executing query:
      """
      MATCH (a:A), (b:B) WHERE a.v = b.v RETURN a.n AS a, b.n AS b
      """
    Then the result should be, in any order:
      | a   | b   |
      | 'c' | 'c' |
    And no side effects

  Scenario: Two nodes that are not one
    When executing query:
      """
      MATCH (a:A), (b:A) WHERE a <> b RETURN a.n AS a, b.n AS b
      """
    Then the result should be, in any order:
      | a   | b   |
      | 'a' | 'c' |
      | 'c' | 'a' |
    And no side effects

  Scenario: A condition on a path
    When executing query:
      """
      MATCH p = (n:A)-->(x) WHERE length(p) = 1 AND NOT x:B RETURN x.n AS n
      """
    Then the result should be, in any order:
      | n   |
      | 'd' |
      | 'd' |
    And no side effects

  Scenario: A condition on relationships of variable length
    When executing query:
      """
      MATCH (a {n: 'a'})-[rs*]->(x) WHERE all(r IN rs WHERE r.w IS NOT NULL) RETURN x.n AS n
      """
    Then the result should be, in any order:
      | n   |
      | 'b' |
      | 'c' |
      | 'd' |
    And no side effects

  Scenario: A condition that fails only where it is asked
    When executing query:
      """
      MATCH (n) WHERE n.n = 'a' AND 1 / n.v = 1 RETURN n.n AS n
      """
    Then the result should be, in any order:
      | n   |
      | 'a' |
    And no side effects
