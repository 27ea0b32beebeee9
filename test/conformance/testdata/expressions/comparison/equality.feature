Feature: Equality

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
      | expr                                 | r     |
      | 1 = 1                                | true  |
      | 1 = 1.0                              | true  |
      | 1 = '1'                              | false |
      | 1 = true                             | false |
      | 'a' = 'A'                            | false |
      | 'a' = 'a'                            | true  |
      | 1 <> '1'                             | true  |
      | [] = []                              | true  |
      | [] = {}                              | false |
      | [] = 1                               | false |
      | {} = {}                              | true  |
      | [1, 2] = [1, 2]                      | true  |
      | [1, 2] = [2, 1]                      | false |
      | [1, 2] = [1, 2, 3]                   | false |
      | [1, 2] = [1, 2.0]                    | true  |
      | [null] = [null]                      | null  |
      | [null] = [1]                         | null  |
      | [1, null] = [1, 2]                   | null  |
      | [1, null] = [2, null]                | false |
      | [null, 1] = [null, 2]                | false |
      | [null] = []                          | false |
      | [null] = [null, null]                | false |
      | [[1]] = [[1]]                        | true  |
      | [[null]] = [[1]]                     | null  |
      | [[1], [2, 3]] = [[1], [null, 4]]     | false |
      | [1, 2] <> [1, null]                  | null  |
      | [1, 2] <> [3, null]                  | true  |
      | {a: 1} = {a: 1}                      | true  |
      | {a: 1} = {a: 1.0}                    | true  |
      | {a: 1} = {b: 1}                      | false |
      | {a: 1} = {a: 1, b: null}             | false |
      | {a: null} = {a: null}                | null  |
      | {a: null} = {a: 1}                   | null  |
      | {a: null, b: 1} = {a: 1, b: 2}       | false |
      | {a: 1, b: 2} = {b: 2, a: 1}          | true  |
      | {a: [1, {b: 2}]} = {a: [1, {b: 2}]}  | true  |
      | {a: null} = {}                       | false |
      | {a: null} <> {b: null}               | true  |
      | 0.0 = -0.0                           | true  |
      | 0.0 / 0.0 = 0.0 / 0.0                | false |
      | 0.0 / 0.0 <> 0.0 / 0.0               | true  |
      | 0.0 / 0.0 = 1                        | false |
      | 0.0 / 0.0 = 'a'                      | false |
      | [0.0 / 0.0] = [0.0 / 0.0]            | false |
      | 1.0 / 0.0 = 1.0 / 0.0                | true  |
      | 9007199254740993 = 9007199254740992.0 | false |
      | 9007199254740992 = 9007199254740992.0 | true  |
      | date('2020-01-01') = date('2020-01-01') | true  |
      | date('2020-01-01') = localdatetime('2020-01-01T00:00') | false |
      | date('2020-01-01') = '2020-01-01'    | false |
      | duration('P1M') = duration('P30D')   | false |
      | duration('P1D') = duration('PT24H')  | false |
      | duration('PT60S') = duration('PT1M') | true  |
      | duration('P12M') = duration('P1Y')   | true  |
      | time('12:00+01:00') = time('11:00Z') | false |

  Scenario: Nodes and relationships are equal to themselves alone
    Given an empty graph
    And having executed:
      """
      CREATE (:A {x: 1})-[:T {x: 1}]->(:A {x: 1})
      """
    When executing query:
      """
      MATCH (a)-[r]->(b)
      RETURN a = a AS aa, a = b AS ab, r = r AS rr, a = r AS ar, a = 1 AS a1, a <> b AS n, [a] = [a] AS l, properties(a) = properties(b) AS p
      """
    Then the result should be, in any order:
      | aa   | ab    | rr   | ar    | a1    | n    | l    | p    |
      | true | false | true | false | false | true | true | true |
    And no side effects

  Scenario: Paths are equal if they go the same way
    Given an empty graph
    And having executed:
      """
      CREATE (:A)-[:T]->(:B)
      """
    When executing query:
      """
      MATCH p = (:A)-->(:B)
      MATCH q = (:A)-->()
      MATCH s = (:B)<--(:A)
      RETURN p = q AS pq, p = s AS ps, p <> s AS d
      """
    Then the result should be, in any order:
      | pq   | ps    | d    |
      | true | false | true |
    And no side effects

  Scenario: A null on either end of OPTIONAL MATCH is not equal to anything
    Given an empty graph
    When executing query:
      """
      OPTIONAL MATCH (a) OPTIONAL MATCH (b) RETURN a = b AS e, a <> b AS n
      """
    Then the result should be, in any order:
      | e    | n    |
      | null | null |
    And no side effects
