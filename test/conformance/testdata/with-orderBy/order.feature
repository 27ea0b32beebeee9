Feature: ORDER BY

  Scenario Outline: Order of <kind>
    Given any graph
    When executing query:
      """
      UNWIND <list> AS x WITH x ORDER BY x RETURN collect(x) AS l
      """
    Then the result should be, in any order:
      | l   |
      | <l> |
    And no side effects

    Examples:
      | kind      | list                                   | l                                     |
      | integers  | [3, 1, 2]                              | [1, 2, 3]                             |
      | numbers   | [1.5, 1, 2, 1.25, -1]                  | [-1, 1, 1.25, 1.5, 2]                 |
      | NaN       | [0.0 / 0.0, 1.0 / 0.0, 1, -1.0 / 0.0]  | [-Infinity, 1, Infinity, NaN]         |
      | strings   | ['b', 'B', 'a', '', 'ab', '10', '9']   | ['', '10', '9', 'B', 'a', 'ab', 'b']  |
      | booleans  | [true, false, true]                    | [false, true, true]                   |
      | lists     | [[], ['a'], ['a', 1], [1], [1, 'a'], [1, null], [null, 1], [null, 2]] | [[], ['a'], ['a', 1], [1], [1, 'a'], [1, null], [null, 1], [null, 2]] |
      | nested    | [[[2]], [[1, 5]], [[1]]]               | [[[1]], [[1, 5]], [[2]]]              |
      | mixed     | [1, 'a', true, [1], {a: 1}, 1.5]       | [{a: 1}, [1], 'a', true, 1, 1.5]      |

  Scenario: Null comes last, and first descending
    Given any graph
    When executing query:
      """
      UNWIND [2, null, 1] AS x WITH x ORDER BY x DESC RETURN x
      """
    Then the result should be, in order:
      | x    |
      | null |
      | 2    |
      | 1    |
    And no side effects

  Scenario: Kinds in their order
    Given an empty graph
    And having executed:
      """
      CREATE (:N)-[:R]->()
      """
    When executing query:
      """
      MATCH p = (n:N)-[r:R]->()
      UNWIND [n, r, p, 1.5, ['list'], 'text', null, false, 0.0 / 0.0, {a: 'map'}] AS x
      RETURN x ORDER BY x
      """
    Then the result should be, in order:
      | x                  |
      | {a: 'map'}         |
      | (:N)               |
      | [:R]               |
      | ['list']           |
      | <(:N)-[:R]->()>    |
      | 'text'             |
      | false              |
      | 1.5                |
      | NaN                |
      | null               |
    And no side effects

  Scenario: Kinds descending
    Given an empty graph
    And having executed:
      """
      CREATE (:N)-[:R]->()
      """
    When executing query:
      """
      MATCH p = (n:N)-[r:R]->()
      UNWIND [n, r, p, 1.5, ['list'], 'text', null, false, 0.0 / 0.0, {a: 'map'}] AS x
      RETURN x ORDER BY x DESC LIMIT 4
      """
    Then the result should be, in order:
      | x                  |
      | null               |
      | NaN                |
      | 1.5                |
      | false              |
    And no side effects

  Scenario: Several keys, each in its direction
    Given any graph
    When executing query:
      """
      UNWIND [{a: 1, b: 1}, {a: 2, b: 1}, {a: 1, b: 2}, {a: 2, b: 2}] AS m
      RETURN m.a AS a, m.b AS b ORDER BY a DESC, b ASCENDING
      """
    Then the result should be, in order:
      | a | b |
      | 2 | 1 |
      | 2 | 2 |
      | 1 | 1 |
      | 1 | 2 |
    And no side effects

  Scenario Outline: WITH <with>
    Given an empty graph
    And having executed:
      """
      CREATE ({n: 'a', v: 3, g: 1}), ({n: 'b', v: 1, g: 2}), ({n: 'c', v: 2, g: 1})
      """
    When executing query:
      """
      MATCH (n) WITH <with> RETURN collect(x) AS l
      """
    Then the result should be, in any order:
      | l   |
      | <l> |
    And no side effects

    Examples:
      | with                                              | l               |
      | n.n AS x ORDER BY n.v                             | ['b', 'c', 'a'] |
      | n.n AS x ORDER BY x                               | ['a', 'b', 'c'] |
      | n.n AS x ORDER BY x DESC                          | ['c', 'b', 'a'] |
      | n.n AS x ORDER BY n.n DESCENDING                  | ['c', 'b', 'a'] |
      | n.n AS x ORDER BY -n.v                            | ['a', 'c', 'b'] |
      | n.n AS x ORDER BY n.g, n.v                        | ['c', 'a', 'b'] |
      | n.n AS x ORDER BY n.g DESC, n.v DESC              | ['b', 'a', 'c'] |
      | n.n AS x ORDER BY n.v % 2, x                      | ['c', 'a', 'b'] |
      | n.n AS x, n ORDER BY n.v                          | ['b', 'c', 'a'] |
      | n.n + '' AS x ORDER BY n.n + '' DESC              | ['c', 'b', 'a'] |
      | n.g AS x, count(*) AS c ORDER BY c DESC           | [1, 2]          |
      | n.g AS x, count(*) AS c ORDER BY count(*)         | [2, 1]          |
      | n.g AS x, max(n.v) AS m ORDER BY m                | [2, 1]          |
      | n.g AS x, count(*) AS c ORDER BY n.g DESC         | [2, 1]          |
      | n.g AS x, count(*) AS c ORDER BY c + x DESC       | [1, 2]          |
      | DISTINCT n.g AS x ORDER BY x DESC                 | [2, 1]          |
      | DISTINCT n.g AS x ORDER BY n.g DESC               | [2, 1]          |
      | n.v AS n, n.n AS x ORDER BY n                     | ['b', 'c', 'a'] |
      | n.n AS x ORDER BY n.v LIMIT 2                     | ['b', 'c']      |
      | n.n AS x ORDER BY n.v SKIP 1                      | ['c', 'a']      |
      | n.n AS x ORDER BY n.v SKIP 1 LIMIT 1              | ['c']           |
      | n.n AS x ORDER BY CASE n.v WHEN 1 THEN 9 ELSE n.v END | ['c', 'a', 'b'] |
      | n.n AS x ORDER BY x = 'b' DESC, x                 | ['b', 'a', 'c'] |
      | n.n AS x ORDER BY size([(n)-->() \| 1]), x        | ['a', 'b', 'c'] |

  Scenario: It orders stably through WITH *
    Given any graph
    When executing query:
      """
      UNWIND [3, 1, 2] AS x WITH * ORDER BY x LIMIT 2 RETURN x
      """
    Then the result should be, in any order:
      | x |
      | 1 |
      | 2 |
    And no side effects

  Scenario Outline: <query>
    Given any graph
    When executing query:
      """
      <query>
      """
    Then a SyntaxError should be raised at compile time: <detail>

    Examples:
      | query                                                        | detail             |
      | MATCH (n) WITH n.v AS v ORDER BY m.x RETURN v                | UndefinedVariable  |
      | MATCH (n) WITH DISTINCT n.v AS v ORDER BY n.w RETURN v       | UndefinedVariable  |
      | MATCH (n) WITH n.v AS v, count(*) AS c ORDER BY n.w RETURN v | UndefinedVariable  |
      | MATCH (n) WITH n.v AS v ORDER BY count(*) RETURN v           | InvalidAggregation |
      | MATCH (n) WITH n.v AS v ORDER BY max(n.w) RETURN v           | InvalidAggregation |
      | MATCH (n) RETURN n.v ORDER BY max(n.w)                       | InvalidAggregation |
      | MATCH (n) RETURN DISTINCT n.v AS v ORDER BY n.w              | UndefinedVariable  |
      | MATCH (n) RETURN n.v ORDER n.v                               | UnexpectedSyntax   |
      | MATCH (n) RETURN n.v ORDER BY                                | UnexpectedSyntax   |
