Feature: ORDER BY of RETURN

  Background:
    Given an empty graph
    And having executed:
      """
      CREATE ({n: 'a', v: 3}), ({n: 'b', v: 1}), ({n: 'c'})
      """

  Scenario Outline: RETURN <return>
    When executing query:
      """
      MATCH (n) RETURN <return>
      """
    Then the result should be, in order:
      | x   |
      | <a> |
      | <b> |
      | <c> |
    And no side effects

    Examples:
      | return                                   | a     | b     | c     |
      | n.n AS x ORDER BY n.v                    | 'b'   | 'a'   | 'c'   |
      | n.n AS x ORDER BY n.v DESC               | 'c'   | 'a'   | 'b'   |
      | n.n AS x ORDER BY x DESC                 | 'c'   | 'b'   | 'a'   |
      | n.v AS x ORDER BY x                      | 1     | 3     | null  |
      | n.v AS x ORDER BY n.n                    | 3     | 1     | null  |
      | n.v * -1 AS x ORDER BY n.v * -1          | -3    | -1    | null  |
      | n.n AS x ORDER BY n.v IS NULL DESC, n.v  | 'c'   | 'b'   | 'a'   |
      | DISTINCT n.n AS x ORDER BY x             | 'a'   | 'b'   | 'c'   |
      | DISTINCT n.n AS x ORDER BY n.n DESC      | 'c'   | 'b'   | 'a'   |
      | n.n AS x ORDER BY coalesce(n.v, 2)       | 'b'   | 'c'   | 'a'   |
      | {v: n.v} AS x ORDER BY n.n               | {v: 3} | {v: 1} | {v: null} |
      | n.n AS x ORDER BY toUpper(x) DESC        | 'c'   | 'b'   | 'a'   |

  Scenario: An alias hides a variable
    When executing query:
      """
      MATCH (n) RETURN n.v AS n ORDER BY n
      """
    Then the result should be, in order:
      | n    |
      | 1    |
      | 3    |
      | null |
    And no side effects

  Scenario: By a column that is not renamed
    When executing query:
      """
      MATCH (n) RETURN n.n ORDER BY n.n DESC
      """
    Then the result should be, in order:
      | n.n |
      | 'c' |
      | 'b' |
      | 'a' |
    And no side effects

  Scenario: By an aggregate
    When executing query:
      """
      MATCH (n) RETURN n.v IS NULL AS k, count(*) ORDER BY count(*) DESC, k
      """
    Then the result should be, in order:
      | k     | count(*) |
      | false | 2        |
      | true  | 1        |
    And no side effects

  Scenario: By an aggregate and a key
    When executing query:
      """
      MATCH (n) RETURN n.n AS k, count(*) AS c, sum(n.v) AS s ORDER BY s + c DESC, n.n
      """
    Then the result should be, in order:
      | k   | c | s |
      | 'a' | 1 | 3 |
      | 'b' | 1 | 1 |
      | 'c' | 1 | 0 |
    And no side effects

  Scenario: Of a star
    When executing query:
      """
      MATCH (n) WITH n.n AS a, n.v AS b RETURN * ORDER BY b
      """
    Then the result should be, in order:
      | a   | b    |
      | 'b' | 1    |
      | 'a' | 3    |
      | 'c' | null |
    And no side effects
