Feature: List comprehensions, reduce

  Scenario Outline: <expr>
    Given any graph
    When executing query:
      """
      RETURN <expr> AS r
      """
    Then the result should be, in any order:
      | r   |
      | <r> |
    And no side effects

    Examples:
      | expr                                             | r          |
      | [x IN [1, 2, 3]]                                 | [1, 2, 3]  |
      | [x IN [1, 2, 3] WHERE x > 1]                     | [2, 3]     |
      | [x IN [1, 2, 3] \| x * 2]                        | [2, 4, 6]  |
      | [x IN [1, 2, 3] WHERE x % 2 = 1 \| x * 2]        | [2, 6]     |
      | [x IN []]                                        | []         |
      | [x IN [1, null, 3] WHERE x > 1]                  | [3]        |
      | [x IN [1, null, 3] \| x + 1]                     | [2, null, 4] |
      | [x IN [1, null] WHERE x IS NULL \| 0]            | [0]        |
      | [x IN [[1, 2], [3]] \| [y IN x \| y + 1]]        | [[2, 3], [4]] |
      | [x IN [1, 2] \| [x IN [x, 5] \| x * 10]]         | [[10, 50], [20, 50]] |
      | [x IN range(1, 3) \| [y IN range(1, x) WHERE y <> 2 \| x * y]] | [[1], [2], [3, 9]] |
      | [x IN ['a', 'b'] \| {k: x}]                      | [{k: 'a'}, {k: 'b'}] |
      | size([x IN range(1, 100) WHERE x % 7 = 0])       | 14         |
      | [x IN [1, 2] WHERE null]                         | []         |
      | [x IN [1, 2, 3] WHERE x IN [1, 3]]               | [1, 3]     |
      | [x IN [1] + [2]]                                 | [1, 2]     |
      | [x IN [true, false] WHERE x]                     | [true]     |
      | reduce(a = 0, x IN [1, 2, 3] \| a + x)           | 6          |
      | reduce(a = 1, x IN [] \| a * x)                  | 1          |
      | reduce(a = '', x IN ['a', 'b'] \| a + x)         | 'ab'       |
      | reduce(a = [], x IN [1, 2] \| [x] + a)           | [2, 1]     |
      | reduce(a = 0, x IN [1, null] \| a + x)           | null       |
      | reduce(a = 0, x IN [[1, 2], [3]] \| a + reduce(b = 0, y IN x \| b + y)) | 6 |

  Scenario: A comprehension hides a variable and leaves it
    Given any graph
    When executing query:
      """
      WITH 7 AS x RETURN [x IN [1, 2] | x] AS l, x
      """
    Then the result should be, in any order:
      | l      | x |
      | [1, 2] | 7 |
    And no side effects

  Scenario: A comprehension speaks of variables around
    Given an empty graph
    And having executed:
      """
      CREATE ({v: 2, l: [1, 2, 3]})
      """
    When executing query:
      """
      MATCH (n) RETURN [x IN n.l WHERE x >= n.v | x + n.v] AS l
      """
    Then the result should be, in any order:
      | l      |
      | [4, 5] |
    And no side effects

  Scenario: A comprehension over the nodes of a path
    Given an empty graph
    And having executed:
      """
      CREATE (:A {v: 1})-[:T {w: 'x'}]->({v: 2})-[:T {w: 'y'}]->({v: 3})
      """
    When executing query:
      """
      MATCH p = (:A)-[*2]->()
      RETURN [n IN nodes(p) WHERE n.v > 1 | n.v] AS a, [r IN relationships(p) | r.w] AS b
      """
    Then the result should be, in any order:
      | a      | b          |
      | [2, 3] | ['x', 'y'] |
    And no side effects

  Scenario: A comprehension groups
    Given any graph
    When executing query:
      """
      UNWIND [[1, 2], [3], [2, 1]] AS l RETURN [x IN l WHERE x > 1] AS k, count(*) AS c
      """
    Then the result should be, in any order:
      | k   | c |
      | [2] | 2 |
      | [3] | 1 |
    And no side effects

  Scenario: An aggregate may be gone through
    Given any graph
    When executing query:
      """
      UNWIND [1, 2, 3] AS v RETURN [x IN collect(v) WHERE x > 1 | x * 2] AS l
      """
    Then the result should be, in any order:
      | l      |
      | [4, 6] |
    And no side effects

  Scenario Outline: <expr> has an aggregate where no group is
    Given any graph
    When executing query:
      """
      MATCH (n) RETURN <expr>
      """
    Then a SyntaxError should be raised at compile time: InvalidAggregation

    Examples:
      | expr                            |
      | [x IN [1] WHERE count(*) > 0]   |
      | [x IN [1] \| count(*)]          |
      | [x IN [1] \| sum(n.v)]          |

  Scenario: The variable of a comprehension ends with it
    Given any graph
    When executing query:
      """
      RETURN [x IN [1] | x], x
      """
    Then a SyntaxError should be raised at compile time: UndefinedVariable
