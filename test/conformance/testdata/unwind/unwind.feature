Feature: UNWIND

  Scenario Outline: UNWIND <list>
    Given any graph
    And parameters are:
      | l | [1, [2]] |
    When executing query:
      """
      UNWIND <list> AS x RETURN count(*) AS c, collect(x) AS l
      """
    Then the result should be, in any order:
      | c   | l   |
      | <c> | <l> |
    And no side effects

    Examples:
      | list                    | c | l            |
      | [1, 2, 3]               | 3 | [1, 2, 3]    |
      | []                      | 0 | []           |
      | null                    | 0 | []           |
      | [null]                  | 1 | []           |
      | [1, null, 1]            | 3 | [1, 1]       |
      | [[1, 2], [3]]           | 2 | [[1, 2], [3]] |
      | [[], []]                | 2 | [[], []]     |
      | range(1, 3)             | 3 | [1, 2, 3]    |
      | [1] + [2]               | 2 | [1, 2]       |
      | $l                      | 2 | [1, [2]]     |
      | [x IN [1, 2] WHERE x > 1] | 1 | [2]        |
      | keys({a: 1})            | 1 | ['a']        |
      | split('a b', ' ')       | 2 | ['a', 'b']   |
      | [{a: 1}, {b: 2}]        | 2 | [{a: 1}, {b: 2}] |

  Scenario: Twice
    Given any graph
    When executing query:
      """
      UNWIND [[1, 2], [], [3]] AS l UNWIND l AS x RETURN x, size(l) AS s
      """
    Then the result should be, in any order:
      | x | s |
      | 1 | 2 |
      | 2 | 2 |
      | 3 | 1 |
    And no side effects

  Scenario: A product
    Given any graph
    When executing query:
      """
      UNWIND [1, 2] AS x UNWIND ['a', 'b'] AS y RETURN x, y
      """
    Then the result should be, in any order:
      | x | y   |
      | 1 | 'a' |
      | 1 | 'b' |
      | 2 | 'a' |
      | 2 | 'b' |
    And no side effects

  Scenario: What was collected
    Given an empty graph
    And having executed:
      """
      CREATE (:A {v: 1})-[:R]->(), (:A {v: 2})
      """
    When executing query:
      """
      MATCH (a:A) WITH collect(a) AS l UNWIND l AS a MATCH (a)-->(x) RETURN a.v AS v
      """
    Then the result should be, in any order:
      | v |
      | 1 |
    And no side effects

  Scenario: It keeps the other variables
    Given any graph
    When executing query:
      """
      WITH [1, 2] AS l, 'k' AS k UNWIND l AS x RETURN *
      """
    Then the result should be, in any order:
      | k   | l      | x |
      | 'k' | [1, 2] | 1 |
      | 'k' | [1, 2] | 2 |
    And no side effects

  Scenario: It finds nodes by a list of values
    Given an empty graph
    And having executed:
      """
      CREATE (:A {v: 1}), (:A {v: 2}), (:A {v: 3})
      """
    When executing query:
      """
      UNWIND [1, 3, 3, 9, null] AS v MATCH (a:A {v: v}) RETURN a.v AS v
      """
    Then the result should be, in any order:
      | v |
      | 1 |
      | 3 |
      | 3 |
    And no side effects

  Scenario Outline: <query>
    Given any graph
    When executing query:
      """
      <query>
      """
    Then a SyntaxError should be raised at compile time: <detail>

    Examples:
      | query                              | detail               |
      | WITH 1 AS x UNWIND [1] AS x RETURN x | VariableAlreadyBound |
      | UNWIND [1] RETURN 1                | UnexpectedSyntax     |
      | UNWIND x AS y RETURN y             | UndefinedVariable    |
      | UNWIND [x] AS x RETURN x           | UndefinedVariable    |
      | UNWIND [1] AS x                    | InvalidClauseComposition |
      | UNWIND [count(*)] AS x RETURN x    | InvalidAggregation   |
