Feature: Aggregation

  Scenario Outline: <agg> of <list>
    Given any graph
    When executing query:
      """
      UNWIND <list> AS x RETURN <agg> AS r
      """
    Then the result should be, in any order:
      | r   |
      | <r> |
    And no side effects

    Examples:
      | agg                       | list                       | r         |
      | count(*)                  | []                         | 0         |
      | count(x)                  | []                         | 0         |
      | sum(x)                    | []                         | 0         |
      | avg(x)                    | []                         | null      |
      | min(x)                    | []                         | null      |
      | max(x)                    | []                         | null      |
      | collect(x)                | []                         | []        |
      | stDev(x)                  | []                         | 0.0       |
      | percentileCont(x, 0.5)    | []                         | null      |
      | percentileDisc(x, 0.5)    | []                         | null      |
      | count(*)                  | [1, null, 1]               | 3         |
      | count(x)                  | [1, null, 1]               | 2         |
      | count(DISTINCT x)         | [1, null, 1, 1.0, 2]       | 2         |
      | sum(x)                    | [1, 2, 3]                  | 6         |
      | sum(x)                    | [1, 2.5]                   | 3.5       |
      | sum(x)                    | [1, null, 2]               | 3         |
      | sum(x)                    | [null, null]               | 0         |
      | sum(DISTINCT x)           | [1, 1, 2]                  | 3         |
      | avg(x)                    | [1, 2, 3]                  | 2.0       |
      | avg(x)                    | [1, 2]                     | 1.5       |
      | avg(x)                    | [1, null, 3]               | 2.0       |
      | avg(DISTINCT x)           | [1, 1, 4]                  | 2.5       |
      | min(x)                    | [3, 1, 2]                  | 1         |
      | max(x)                    | [3, 1, 2]                  | 3         |
      | max(x)                    | [1, 1.5, null]             | 1.5       |
      | min(x)                    | [2, 1.0]                   | 1.0       |
      | min(x)                    | ['b', 'a', 'B', null]      | 'B'       |
      | max(x)                    | ['b', 'a', '']             | 'b'       |
      | max(x)                    | [[1], [2], [2, 1]]         | [2, 1]    |
      | min(x)                    | [[1], [2], [2, 1]]         | [1]       |
      | max(x)                    | [1, 'a', null, 0.2, 'b']   | 1         |
      | min(x)                    | [1, 'a', null, 0.2, 'b']   | 'a'       |
      | min(x)                    | [1, 'a', [1, 2], 0.2, 'b'] | [1, 2]    |
      | max(x)                    | [true, false]              | true      |
      | collect(x)                | [1, null, 'a']             | [1, 'a']  |
      | collect(DISTINCT x)       | [1, null, 1, 2]            | [1, 2]    |
      | collect(x)                | [null]                     | []        |
      | collect([x])              | [1, null]                  | [[1], [null]] |
      | collect({a: x})           | [1]                        | [{a: 1}]  |
      | percentileDisc(x, 0.0)    | [10, 20, 30]               | 10        |
      | percentileDisc(x, 0.5)    | [10, 20, 30]               | 20        |
      | percentileDisc(x, 1.0)    | [10, 20, 30]               | 30        |
      | percentileDisc(x, 0.5)    | [10, 20, 30, 40]           | 20        |
      | percentileCont(x, 0.0)    | [10, 20, 30]               | 10.0      |
      | percentileCont(x, 0.5)    | [10, 20]                   | 15.0      |
      | percentileCont(x, 0.25)   | [10, 20, 30]               | 15.0      |
      | percentileCont(x, 1.0)    | [10, 20, 30]               | 30.0      |
      | stDevP(x)                 | [1, 3]                     | 1.0       |
      | stDev(x)                  | [1, 2, 3]                  | 1.0       |
      | stDev(x)                  | [5]                        | 0.0       |
      | count(x) + 1              | [1, 2]                     | 3         |
      | count(*) * 2 + sum(x)     | [1, 2]                     | 7         |
      | {c: count(*), l: collect(x)} | [1]                     | {c: 1, l: [1]} |
      | [count(*), max(x)]        | [4, 5]                     | [2, 5]    |
      | size(collect(x))          | [1, null]                  | 1         |
      | sum(x * 2)                | [1, 2]                     | 6         |
      | sum(CASE x WHEN 1 THEN 10 ELSE 0 END) | [1, 2, 1]      | 20        |
      | count(*) > 1              | [1, 2]                     | true      |
      | head(collect(x))          | [7, 8]                     | 7         |
      | count(DISTINCT [x, null]) | [1, 1, 2]                  | 2         |
      | CASE WHEN count(*) > 1 THEN 'many' ELSE 'few' END | [1, 2] | 'many' |

  Scenario: No rows and a key give no groups
    Given an empty graph
    When executing query:
      """
      MATCH (n) RETURN n.v AS v, count(*) AS c
      """
    Then the result should be, in any order:
      | v | c |
    And no side effects

  Scenario: Keys that are expressions
    Given any graph
    When executing query:
      """
      UNWIND range(1, 7) AS x RETURN x % 3 AS k, count(*) AS c, sum(x) AS s, collect(x) AS l
      """
    Then the result should be, in any order:
      | k | c | s  | l         |
      | 0 | 2 | 9  | [3, 6]    |
      | 1 | 3 | 12 | [1, 4, 7] |
      | 2 | 2 | 7  | [2, 5]    |
    And no side effects

  Scenario: A constant among the columns
    Given any graph
    When executing query:
      """
      UNWIND [1, 2] AS x RETURN 'k' AS k, count(*) AS c
      """
    Then the result should be, in any order:
      | k   | c |
      | 'k' | 2 |
    And no side effects

  Scenario Outline: Grouped by <key>, <expr>
    Given an empty graph
    And having executed:
      """
      CREATE (:A {g: 1, v: 10}), (:A {g: 1, v: 20})
      """
    And parameters are:
      | p | 5 |
    When executing query:
      """
      MATCH (n) WITH n.g AS g, n.v AS v, {g: n.g} AS m RETURN <key> AS k, <expr> AS e
      """
    Then the result should be, in any order:
      | k   | e   |
      | <k> | <e> |
    And no side effects

    Examples:
      | key | expr                   | k      | e      |
      | g   | g + count(*)           | 1      | 3      |
      | g   | count(*) + g * 2       | 1      | 4      |
      | g   | [g, sum(v)]            | 1      | [1, 30] |
      | m   | m.g + count(*)         | {g: 1} | 3      |
      | m.g | m.g + count(*)         | 1      | 3      |
      | g   | {g: g, l: size(collect(v))} | 1 | {g: 1, l: 2} |
      | g   | sum(v + g)             | 1      | 32     |
      | g   | $p + count(*)          | 1      | 7      |
      | g   | 3 + sum(v) / 10        | 1      | 6      |

  Scenario Outline: <return> is ambiguous
    Given any graph
    When executing query:
      """
      MATCH (n), (m) WITH n, m, n.v AS v, n.w AS w RETURN <return>
      """
    Then a SyntaxError should be raised at compile time: AmbiguousAggregationExpression

    Examples:
      | return                        |
      | v + count(*)                  |
      | w AS k, v + count(*)          |
      | v + w, v + w + count(*)       |
      | n.v + count(*)                |
      | v AS a, v + w + count(*) AS c |
      | n.v + n.w AS k, n.v + n.w + max(n.v) AS x |
      | [x IN collect(v) \| x + w]    |
      | {v: v, c: count(*)}           |
      | CASE WHEN v THEN count(*) ELSE 1 END |

  Scenario Outline: <agg> fails
    Given any graph
    When executing query:
      """
      UNWIND [1, 2] AS x RETURN <agg>
      """
    Then a SyntaxError should be raised at compile time: <detail>

    Examples:
      | agg                     | detail                   |
      | count(count(*))         | NestedAggregation        |
      | sum(max(x))             | NestedAggregation        |
      | count(rand())           | NonConstantExpression    |
      | sum()                   | InvalidNumberOfArguments |
      | avg('a')                | InvalidArgumentType      |
      | percentileDisc(x)       | InvalidNumberOfArguments |

  Scenario Outline: A percentile of <p>
    Given any graph
    And parameters are:
      | p | <p> |
    When executing query:
      """
      UNWIND [1, 2] AS x RETURN <agg>(x, $p)
      """
    Then a ArgumentError should be raised at runtime: NumberOutOfRange

    Examples:
      | agg            | p    |
      | percentileCont | 1000 |
      | percentileCont | -1   |
      | percentileDisc | 1.1  |
      | percentileDisc | -0.1 |

  Scenario: The sum of integers overflows
    Given any graph
    When executing query:
      """
      UNWIND [9223372036854775807, 1] AS x RETURN sum(x)
      """
    Then a ArithmeticError should be raised at runtime: IntegerOverflow

  Scenario: Text cannot be summed
    Given any graph
    When executing query:
      """
      UNWIND [1, 'a'] AS x RETURN sum(x)
      """
    Then a TypeError should be raised at runtime: InvalidArgumentValue

  Scenario: Counting DISTINCT nodes and pairs
    Given an empty graph
    And having executed:
      """
      CREATE (a:A)-[:R]->(b:B), (a)-[:R]->(b), (a)-[:R]->(:B)
      """
    When executing query:
      """
      MATCH (x)-[r]->(y) RETURN count(DISTINCT x) AS a, count(DISTINCT y) AS b, count(r) AS c, count(DISTINCT [x, y]) AS d, count(DISTINCT labels(y)) AS e
      """
    Then the result should be, in any order:
      | a | b | c | d | e |
      | 1 | 2 | 3 | 2 | 1 |
    And no side effects

  Scenario: By a node and its property
    Given an empty graph
    And having executed:
      """
      CREATE (a:A {n: 1})-[:R]->(), (a)-[:R]->(), (:A {n: 1})-[:R]->()
      """
    When executing query:
      """
      MATCH (a:A)-->(x) RETURN a, a.n + count(x) AS s, a.n AS n
      """
    Then the result should be, in any order:
      | a           | s | n |
      | (:A {n: 1}) | 3 | 1 |
      | (:A {n: 1}) | 2 | 1 |
    And no side effects
