Feature: MATCH of nodes

  Scenario: Nothing in an empty graph
    Given an empty graph
    When executing query:
      """
      MATCH (n) RETURN n
      """
    Then the result should be, in any order:
      | n |
    And no side effects

  Scenario Outline: MATCH <pattern>
    Given an empty graph
    And having executed:
      """
      CREATE (:A {v: 1}), (:A:B {v: 2}), (:B {v: 3, s: 'x'}), ({v: 4}), (:`CD` {v: 5, l: [1, 2]})
      """
    When executing query:
      """
      MATCH <pattern> WITH n ORDER BY n.v RETURN collect(n.v) AS l
      """
    Then the result should be, in any order:
      | l   |
      | <l> |
    And no side effects

    Examples:
      | pattern              | l               |
      | (n)                  | [1, 2, 3, 4, 5] |
      | (n:A)                | [1, 2]          |
      | (n:B)                | [2, 3]          |
      | (n:A:B)              | [2]             |
      | (n:B:A)              | [2]             |
      | (n:A:A)              | [1, 2]          |
      | (n:a)                | []              |
      | (n:`CD`)             | [5]             |
      | (n {v: 1})           | [1]             |
      | (n {v: 1.0})         | [1]             |
      | (n {v: '1'})         | []              |
      | (n {v: null})        | []              |
      | (n {none: null})     | []              |
      | (n:B {v: 3, s: 'x'}) | [3]             |
      | (n:B {v: 3, s: 'y'}) | []              |
      | (n {l: [1, 2]})      | [5]             |
      | (n {v: 1 + 1})       | [2]             |
      | (n {})               | [1, 2, 3, 4, 5] |

  Scenario: A node that carries null into the next MATCH
    Given an empty graph
    And having executed:
      """
      CREATE ()
      """
    When executing query:
      """
      OPTIONAL MATCH (n:None) MATCH (n) RETURN n
      """
    Then the result should be, in any order:
      | n |
    And no side effects

  Scenario: A property that speaks of another variable
    Given an empty graph
    And having executed:
      """
      CREATE (:A {v: 1}), (:B {v: 1, n: 'x'}), (:B {v: 2, n: 'y'}), (:B {n: 'z'})
      """
    When executing query:
      """
      MATCH (a:A), (b:B {v: a.v}) RETURN b.n AS n
      """
    Then the result should be, in any order:
      | n   |
      | 'x' |
    And no side effects

  Scenario: A cartesian product
    Given an empty graph
    And having executed:
      """
      CREATE ({v: 1}), ({v: 2}), ({v: 3})
      """
    When executing query:
      """
      MATCH (a), (b) RETURN a.v AS a, b.v AS b
      """
    Then the result should be, in any order:
      | a | b |
      | 1 | 1 |
      | 1 | 2 |
      | 1 | 3 |
      | 2 | 1 |
      | 2 | 2 |
      | 2 | 3 |
      | 3 | 1 |
      | 3 | 2 |
      | 3 | 3 |
    And no side effects

  Scenario: One node named twice is one
    Given an empty graph
    And having executed:
      """
      CREATE (:A), (:B), (:A:B)
      """
    When executing query:
      """
      MATCH (n:A), (n:B) RETURN n
      """
    Then the result should be, in any order:
      | n      |
      | (:A:B) |
    And no side effects

  Scenario: Parameters in patterns
    Given an empty graph
    And having executed:
      """
      CREATE ({n: 'a'}), ({n: 'b'})
      """
    And parameters are:
      | p | 'b' |
    When executing query:
      """
      MATCH (n {n: $p}) RETURN n
      """
    Then the result should be, in any order:
      | n          |
      | ({n: 'b'}) |
    And no side effects
