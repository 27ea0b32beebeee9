Feature: Lists

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
      | expr                              | r         |
      | [1, 2, 3][0]                      | 1         |
      | [1, 2, 3][-1]                     | 3         |
      | [1, 2, 3][-3]                     | 1         |
      | [1, 2, 3][-4]                     | null      |
      | [1, 2, 3][3]                      | null      |
      | [][0]                             | null      |
      | [[1, 2], [3]][0]                  | [1, 2]    |
      | [1, 2, 3][0..2]                   | [1, 2]    |
      | [1, 2, 3][..2]                    | [1, 2]    |
      | [1, 2, 3][1..]                    | [2, 3]    |
      | [1, 2, 3][..]                     | [1, 2, 3] |
      | [1, 2, 3][-2..]                   | [2, 3]    |
      | [1, 2, 3][..-1]                   | [1, 2]    |
      | [1, 2, 3][0..-1]                  | [1, 2]    |
      | [1, 2, 3][-3..-1]                 | [1, 2]    |
      | [1, 2, 3][2..1]                   | []        |
      | [1, 2, 3][5..9]                   | []        |
      | [1, 2, 3][0..9]                   | [1, 2, 3] |
      | [1, 2, 3][-9..2]                  | [1, 2]    |
      | [1, 2, 3][1..1]                   | []        |
      | [1, 2] + [3]                      | [1, 2, 3] |
      | [1] + 'a'                         | [1, 'a']  |
      | 'a' + [1]                         | ['a', 1]  |
      | [] + []                           | []        |
      | [1] + [[2]]                       | [1, [2]]  |
      | [[1]] + [2]                       | [[1], 2]  |
      | [1] + {a: 1}                      | [1, {a: 1}] |
      | 1 IN [1, 2]                       | true      |
      | 3 IN [1, 2]                       | false     |
      | 1.0 IN [1]                        | true      |
      | '1' IN [1]                        | false     |
      | 1 IN []                           | false     |
      | 1 IN [null]                       | null      |
      | 1 IN [1, null]                    | true      |
      | 2 IN [1, null]                    | null      |
      | null IN [null]                    | null      |
      | [1] IN [[1], 2]                   | true      |
      | [1] IN [1]                        | false     |
      | [1, 2] IN [[1, null]]             | null      |
      | [1, 2] IN [[1, null], [1, 2]]     | true      |
      | [1, 2] IN [[3, null]]             | false     |
      | [null] IN [[null]]                | null      |
      | [] IN [[]]                        | true      |
      | [] IN []                          | false     |
      | [] IN [1, []]                     | true      |
      | [[1, 2], 3] IN [1, [[1, 2], 3.0]] | true      |
      | {a: 1} IN [{a: 1}]                | true      |
      | {a: null} IN [{a: 1}]             | null      |
      | NOT 1 IN [2]                      | true      |
      | size([1, [2, 3]])                 | 2         |
      | size([])                          | 0         |
      | size([null])                      | 1         |
      | head([1, 2])                      | 1         |
      | head([])                          | null      |
      | last([1, 2])                      | 2         |
      | last([])                          | null      |
      | tail([1, 2, 3])                   | [2, 3]    |
      | tail([])                          | []        |
      | reverse([1, null, 'a'])           | ['a', null, 1] |
      | range(0, 3)                       | [0, 1, 2, 3] |
      | range(3, 0)                       | []        |
      | range(3, 0, -1)                   | [3, 2, 1, 0] |
      | range(0, 10, 3)                   | [0, 3, 6, 9] |
      | range(0, 0)                       | [0]       |
      | range(0, 10, 11)                  | [0]       |
      | range(-2, 2, 2)                   | [-2, 0, 2] |
      | range(0, -3, -2)                  | [0, -2]   |
      | range(0, 3, -1)                   | []        |
      | [1, 'a', true, null, [], {}]      | [1, 'a', true, null, [], {}] |
      | coalesce([null][0], [])           | []        |
      | [x IN range(1, 3) \| x * x][1]    | 4         |

  Scenario Outline: <expr> fails when it is compiled
    Given any graph
    When executing query:
      """
      RETURN <expr>
      """
    Then a SyntaxError should be raised at compile time: InvalidArgumentType

    Examples:
      | expr                |
      | 1 IN 2              |
      | 1 IN 'abc'          |
      | 1 IN {a: 1}         |
      | true IN true        |
      | head(1)             |
      | size(1)             |
      | size(true)          |
      | tail({})            |
      | [1, 2]['a'..]       |

  Scenario Outline: Of the list <list>, the element <i> is none
    Given any graph
    And parameters are:
      | list | <list> |
      | i    | <i>    |
    When executing query:
      """
      WITH $list AS list, $i AS i RETURN list[i] AS x
      """
    Then a TypeError should be raised at runtime: <detail>

    Examples:
      | list   | i      | detail                        |
      | [1, 2] | 'a'    | ListElementAccessByNonInteger |
      | [1, 2] | 1.0    | ListElementAccessByNonInteger |
      | [1, 2] | true   | ListElementAccessByNonInteger |
      | [1, 2] | [1]    | ListElementAccessByNonInteger |
      | [1, 2] | {a: 1} | ListElementAccessByNonInteger |
      | 1      | 0      | InvalidArgumentType           |
      | true   | 0      | InvalidArgumentType           |
      | 4.5    | 0      | InvalidArgumentType           |

  Scenario: A list that a parameter gives
    Given any graph
    And parameters are:
      | list | ['Apa', 'Bepa'] |
      | i    | -1              |
    When executing query:
      """
      RETURN $list[0] AS a, $list[$i] AS b, $list[..$i] AS c, size($list) AS d
      """
    Then the result should be, in any order:
      | a     | b      | c       | d |
      | 'Apa' | 'Bepa' | ['Apa'] | 2 |
    And no side effects

  Scenario Outline: A range of <from>, <to> by <step>
    Given any graph
    When executing query:
      """
      WITH <from> AS a, <to> AS b, <step> AS c RETURN range(a, b, c)
      """
    Then a ArgumentError should be raised at runtime: <detail>

    Examples:
      | from | to   | step | detail              |
      | 0    | 3    | 0    | NumberOutOfRange    |
      | 0.0  | 3    | 1    | InvalidArgumentType |
      | 0    | '3'  | 1    | InvalidArgumentType |
      | 0    | 3    | true | InvalidArgumentType |

  Scenario: Lists of nodes and relationships
    Given an empty graph
    And having executed:
      """
      CREATE (:A)-[:T {x: 1}]->(:B)
      """
    When executing query:
      """
      MATCH (a)-[r]->(b)
      RETURN [a, r, b, null] AS l, a IN [b, a] AS i, b IN [a, null] AS n
      """
    Then the result should be, in any order:
      | l                            | i    | n    |
      | [(:A), [:T {x: 1}], (:B), null] | true | null |
    And no side effects

  Scenario: IN asks a property that is a list
    Given an empty graph
    And having executed:
      """
      CREATE ({l: [1, 2]}), ({l: ['a']}), ({l: []}), ()
      """
    When executing query:
      """
      MATCH (n) WHERE NOT 1 IN n.l RETURN n.l AS l
      """
    Then the result should be, in any order:
      | l     |
      | ['a'] |
      | []    |
    And no side effects
