Feature: Null

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
      | expr                            | r     |
      | null IS NULL                    | true  |
      | null IS NOT NULL                | false |
      | 1 IS NULL                       | false |
      | [] IS NOT NULL                  | true  |
      | [null] IS NULL                  | false |
      | {a: null} IS NULL               | false |
      | {a: null}.a IS NULL             | true  |
      | {a: null}.b IS NULL             | true  |
      | null.a                          | null  |
      | null[0]                         | null  |
      | null['a']                       | null  |
      | null[0..1]                      | null  |
      | [1, 2][null]                    | null  |
      | [1, 2][null..1]                 | null  |
      | [1, 2][0..null]                 | null  |
      | {a: 1}[null]                    | null  |
      | null = null                     | null  |
      | null <> null                    | null  |
      | null = 1                        | null  |
      | 1 <> null                       | null  |
      | null < 1                        | null  |
      | null <= null                    | null  |
      | 'a' > null                      | null  |
      | null + 1                        | null  |
      | 1 - null                        | null  |
      | null * 2                        | null  |
      | null / 0                        | null  |
      | 3 % null                        | null  |
      | null ^ 2                        | null  |
      | -null                           | null  |
      | +null                           | null  |
      | null + 'a'                      | null  |
      | null + [1]                      | null  |
      | [1] + null                      | null  |
      | null IN [1]                     | null  |
      | null IN []                      | false |
      | 1 IN null                       | null  |
      | null IN null                    | null  |
      | null STARTS WITH 'a'            | null  |
      | 'a' ENDS WITH null              | null  |
      | null CONTAINS null              | null  |
      | null =~ '.*'                    | null  |
      | 'a' =~ null                     | null  |
      | coalesce(null, null, 3)         | 3     |
      | coalesce(null, null)            | null  |
      | coalesce(1, null)               | 1     |
      | size(null)                      | null  |
      | head(null)                      | null  |
      | last(null)                      | null  |
      | tail(null)                      | null  |
      | reverse(null)                   | null  |
      | keys(null)                      | null  |
      | properties(null)                | null  |
      | labels(null)                    | null  |
      | type(null)                      | null  |
      | nodes(null)                     | null  |
      | relationships(null)             | null  |
      | length(null)                    | null  |
      | toInteger(null)                 | null  |
      | toFloat(null)                   | null  |
      | toString(null)                  | null  |
      | toBoolean(null)                 | null  |
      | abs(null)                       | null  |
      | sqrt(null)                      | null  |
      | toUpper(null)                   | null  |
      | substring(null, 0)              | null  |
      | split(null, ',')                | null  |
      | split('a,b', null)              | null  |
      | replace('a', null, 'b')         | null  |
      | date(null)                      | null  |
      | duration(null)                  | null  |
      | [x IN null \| x]                | null  |
      | reduce(a = 0, x IN null \| a + x) | null  |
      | all(x IN null WHERE true)       | null  |
      | single(x IN null WHERE true)    | null  |

  Scenario: A property that is not there is null, and null is no property
    Given an empty graph
    And having executed:
      """
      CREATE ({a: 1, b: null}), ({b: 2})
      """
    When executing query:
      """
      MATCH (n) RETURN n.a AS a, n.b AS b, n.c IS NULL AS c, keys(n) AS k
      """
    Then the result should be, in any order:
      | a    | b    | c    | k     |
      | 1    | null | true | ['a'] |
      | null | 2    | true | ['b'] |
    And no side effects

  Scenario: Null as a condition drops the row
    Given an empty graph
    And having executed:
      """
      CREATE ({a: 1}), ({b: 2})
      """
    When executing query:
      """
      MATCH (n) WHERE NOT (n.a = 2) RETURN n
      """
    Then the result should be, in any order:
      | n        |
      | ({a: 1}) |
    And no side effects

  Scenario: IS NULL binds closer than NOT and looser than arithmetic
    Given any graph
    When executing query:
      """
      RETURN NOT null IS NULL AS a, 1 + null IS NULL AS b, null = null IS NULL AS c
      """
    Then the result should be, in any order:
      | a     | b    | c    |
      | false | true | null |
    And no side effects
