Feature: Maps

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
      | expr                        | r        |
      | {}                          | {}       |
      | {a: 1, b: 'x'}              | {a: 1, b: 'x'} |
      | {a: 1}.a                    | 1        |
      | {a: 1}.A                    | null     |
      | {a: {b: {c: 3}}}.a.b.c      | 3        |
      | {a: 1}['a']                 | 1        |
      | {a: 1}['b']                 | null     |
      | {a: 1, A: 2}['A']           | 2        |
      | {`a b`: 1}.`a b`            | 1        |
      | {`a b`: 1}['a b']           | 1        |
      | {null: 1}.null              | 1        |
      | {match: 1}.match            | 1        |
      | {a: null}                   | {a: null} |
      | {_a1: 1}._a1                | 1        |
      | size(keys({a: 1, b: null})) | 2        |
      | keys({})                    | []       |
      | 'b' IN keys({a: 1, b: null}) | true    |
      | properties({a: 1})          | {a: 1}   |
      | {a: [1, {b: 2}]}.a[1].b     | 2        |
      | {a: 1}.a + 1                | 2        |
      | {a: 1}['' + 'a']            | 1        |
      | {a: 1, b: 2}[head(['b'])]   | 2        |

  Scenario Outline: A map is asked for <key>
    Given any graph
    And parameters are:
      | map | {name: 'Apa'} |
      | key | <key>         |
    When executing query:
      """
      WITH $map AS map, $key AS key RETURN map[key] AS x
      """
    Then a TypeError should be raised at runtime: MapElementAccessByNonString

    Examples:
      | key    |
      | 0      |
      | 1.5    |
      | true   |
      | ['name'] |

  Scenario: A property of a map whose key is in another variable
    Given any graph
    And parameters are:
      | map | {name: 'Apa', age: 3} |
    When executing query:
      """
      UNWIND ['name', 'age', 'none', null] AS k RETURN k, $map[k] AS v
      """
    Then the result should be, in any order:
      | k      | v     |
      | 'name' | 'Apa' |
      | 'age'  | 3     |
      | 'none' | null  |
      | null   | null  |
    And no side effects

  Scenario: Properties of nodes by computed keys
    Given an empty graph
    And having executed:
      """
      CREATE ({name: 'Apa'})-[:T {w: 2}]->()
      """
    When executing query:
      """
      MATCH (n)-[r]->() RETURN n['na' + 'me'] AS a, r['w'] AS b, n['x'] AS c
      """
    Then the result should be, in any order:
      | a     | b | c    |
      | 'Apa' | 2 | null |
    And no side effects

  Scenario Outline: A property of <value>
    Given any graph
    When executing query:
      """
      WITH <value> AS x RETURN x.num
      """
    Then a TypeError should be raised at runtime: InvalidArgumentType

    Examples:
      | value      |
      | 123        |
      | 42.45      |
      | true       |
      | 'string'   |
      | [123, true] |

  Scenario: keys of nodes and relationships
    Given an empty graph
    And having executed:
      """
      CREATE ({a: 1, b: 2})-[:T {c: 3}]->()
      """
    When executing query:
      """
      MATCH (n)-[r]->(m) UNWIND keys(n) + keys(r) + keys(m) AS k RETURN k
      """
    Then the result should be, in any order:
      | k   |
      | 'a' |
      | 'b' |
      | 'c' |
    And no side effects

  Scenario: Projections of maps
    Given an empty graph
    And having executed:
      """
      CREATE ({name: 'Ada', born: 1815})
      """
    When executing query:
      """
      WITH 5 AS five
      MATCH (n)
      RETURN n {.name} AS a, n {.*} AS b, n {.name, .none} AS c, n {.*, born: 0} AS d, n {five, x: 1 + 1} AS e
      """
    Then the result should be, in any order:
      | a             | b                         | c                         | d                      | e               |
      | {name: 'Ada'} | {name: 'Ada', born: 1815} | {name: 'Ada', none: null} | {name: 'Ada', born: 0} | {five: 5, x: 2} |
    And no side effects

  Scenario: A projection of null is null
    Given an empty graph
    When executing query:
      """
      OPTIONAL MATCH (n) RETURN n {.*} AS a, n {.name, x: 1} AS b
      """
    Then the result should be, in any order:
      | a    | b    |
      | null | null |
    And no side effects
