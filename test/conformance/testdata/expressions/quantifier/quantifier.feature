Feature: Quantifiers

  Scenario Outline: all, any, none and single of <list> with <pred>
    Given any graph
    When executing query:
      """
      RETURN all(x IN <list> WHERE <pred>) AS a, any(x IN <list> WHERE <pred>) AS s, none(x IN <list> WHERE <pred>) AS n, single(x IN <list> WHERE <pred>) AS o
      """
    Then the result should be, in any order:
      | a   | s   | n   | o   |
      | <a> | <s> | <n> | <o> |
    And no side effects

    Examples:
      | list                 | pred        | a     | s     | n     | o     |
      | []                   | true        | true  | false | true  | false |
      | []                   | false       | true  | false | true  | false |
      | []                   | null        | true  | false | true  | false |
      | [1]                  | true        | true  | true  | false | true  |
      | [1]                  | false       | false | false | true  | false |
      | [1]                  | null        | null  | null  | null  | null  |
      | [1, 2, 3]            | x > 0       | true  | true  | false | false |
      | [1, 2, 3]            | x > 1       | false | true  | false | false |
      | [1, 2, 3]            | x > 2       | false | true  | false | true  |
      | [1, 2, 3]            | x > 3       | false | false | true  | false |
      | [1, null]            | x = 1       | null  | true  | false | null  |
      | [1, null]            | x = 2       | false | null  | null  | null  |
      | [null, null]         | x = 1       | null  | null  | null  | null  |
      | [1, 1, null]         | x = 1       | null  | true  | false | false |
      | [1, 2, null]         | x = 1       | false | true  | false | null  |
      | [null, 1, 2]         | x <= 2      | null  | true  | false | false |
      | [2, null]            | x IS NULL   | false | true  | false | true  |
      | [null]               | x IS NULL   | true  | true  | false | true  |
      | ['a', 'ab', 'b']     | x STARTS WITH 'a' | false | true | false | false |
      | [[1], [], [2]]       | size(x) = 0 | false | true  | false | true  |
      | [true, false, true]  | x           | false | true  | false | false |
      | [true, null]         | x           | null  | true  | false | null  |
      | [false, null]        | x           | false | null  | null  | null  |
      | [{a: 1}, {a: 2}, {}] | x.a = 1     | false | true  | false | null  |
      | range(1, 10)         | x % 5 = 0   | false | true  | false | false |
      | [1.5, 2]             | x < 2       | false | true  | false | true  |

  Scenario: none is not any, and all is none of the contrary
    Given any graph
    When executing query:
      """
      UNWIND [[], [1], [2], [1, 2], [1, null], [2, null], [null]] AS l
      WITH none(x IN l WHERE x = 1) AS n, NOT any(x IN l WHERE x = 1) AS na,
           all(x IN l WHERE x = 1) AS a, none(x IN l WHERE NOT x = 1) AS nc,
           size([x IN l WHERE x = 1]) > 0 AS has, any(x IN l WHERE x = 1) AS s
      RETURN count(*) AS c,
             sum(CASE WHEN n = na OR n IS NULL AND na IS NULL THEN 1 ELSE 0 END) AS p,
             sum(CASE WHEN a = nc OR a IS NULL AND nc IS NULL THEN 1 ELSE 0 END) AS q,
             sum(CASE WHEN has = coalesce(s, false) THEN 1 ELSE 0 END) AS r
      """
    Then the result should be, in any order:
      | c | p | q | r |
      | 7 | 7 | 7 | 7 |
    And no side effects

  Scenario: Nested
    Given any graph
    When executing query:
      """
      WITH [[1, 2], [2, 3], []] AS ls
      RETURN any(l IN ls WHERE all(x IN l WHERE x > 1)) AS a, single(l IN ls WHERE none(x IN l WHERE x < 9)) AS b,
             all(l IN ls WHERE any(x IN l WHERE x = 2)) AS c
      """
    Then the result should be, in any order:
      | a    | b    | c     |
      | true | true | false |
    And no side effects

  Scenario: Over the nodes and relationships of a path
    Given an empty graph
    And having executed:
      """
      CREATE (:S {ok: true})-[:T {w: 1}]->({ok: true})-[:T {w: 2}]->({ok: false})-[:T {w: 3}]->({ok: true})
      """
    When executing query:
      """
      MATCH p = (:S)-[rs*]->()
      WHERE all(n IN nodes(p) WHERE n.ok) OR single(r IN rs WHERE r.w = 3)
      RETURN length(p) AS l
      """
    Then the result should be, in any order:
      | l |
      | 1 |
      | 3 |
    And no side effects

  Scenario: A variable of a quantifier hides another
    Given any graph
    When executing query:
      """
      WITH 5 AS x RETURN any(x IN [1] WHERE x = 1) AS a, x
      """
    Then the result should be, in any order:
      | a    | x |
      | true | 5 |
    And no side effects

  Scenario Outline: <expr> compares what cannot be
    Given any graph
    When executing query:
      """
      RETURN <expr> AS r
      """
    Then a SyntaxError should be raised at compile time: InvalidArgumentType

    Examples:
      | expr                                |
      | all(x IN ['a'] WHERE x % 2 = 0)     |
      | any(x IN ['a'] WHERE x % 2 = 0)     |
      | none(x IN ['a'] WHERE x % 2 = 0)    |
      | single(x IN ['a'] WHERE x % 2 = 0)  |
      | any(x IN [false, true] WHERE x % 2 = 0) |
      | any(x IN 1 WHERE true)              |

  Scenario: A quantifier in WHERE with null in the list
    Given an empty graph
    And having executed:
      """
      CREATE ({l: [1, 2]}), ({l: []}), ()
      """
    When executing query:
      """
      MATCH (n) WHERE all(x IN n.l WHERE x > 0) RETURN n.l AS l
      """
    Then the result should be, in any order:
      | l      |
      | [1, 2] |
      | []     |
    And no side effects
