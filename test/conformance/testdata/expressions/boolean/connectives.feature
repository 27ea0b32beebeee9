Feature: Connectives - three-valued logic

  Scenario Outline: <a> <op> <b>
    Given an empty graph
    When executing query:
      """
      RETURN <a> <op> <b> AS r
      """
    Then the result should be, in any order:
      | r   |
      | <r> |
    And no side effects

    Examples:
      | a     | op  | b     | r     |
      | true  | AND | true  | true  |
      | true  | AND | false | false |
      | true  | AND | null  | null  |
      | false | AND | true  | false |
      | false | AND | false | false |
      | false | AND | null  | false |
      | null  | AND | true  | null  |
      | null  | AND | false | false |
      | null  | AND | null  | null  |
      | true  | OR  | true  | true  |
      | true  | OR  | false | true  |
      | true  | OR  | null  | true  |
      | false | OR  | true  | true  |
      | false | OR  | false | false |
      | false | OR  | null  | null  |
      | null  | OR  | true  | true  |
      | null  | OR  | false | null  |
      | null  | OR  | null  | null  |
      | true  | XOR | true  | false |
      | true  | XOR | false | true  |
      | true  | XOR | null  | null  |
      | false | XOR | true  | true  |
      | false | XOR | false | false |
      | false | XOR | null  | null  |
      | null  | XOR | true  | null  |
      | null  | XOR | false | null  |
      | null  | XOR | null  | null  |

  Scenario: NOT is of three values
    Given any graph
    When executing query:
      """
      RETURN NOT true AS t, NOT false AS f, NOT null AS n, NOT NOT true AS tt, NOT NOT NOT null AS nnn
      """
    Then the result should be, in any order:
      | t     | f    | n    | tt   | nnn  |
      | false | true | null | true | null |
    And no side effects

  Scenario: The laws of De Morgan hold with null too
    Given any graph
    When executing query:
      """
      UNWIND [true, false, null] AS a
      UNWIND [true, false, null] AS b
      WITH NOT (a AND b) AS x, (NOT a) OR (NOT b) AS y
      WITH (x = y) OR (x IS NULL AND y IS NULL) AS same
      RETURN same, count(*) AS c
      """
    Then the result should be, in any order:
      | same | c |
      | true | 9 |
    And no side effects

  Scenario: Conjunction is associative and commutative
    Given any graph
    When executing query:
      """
      UNWIND [true, false, null] AS a
      UNWIND [true, false, null] AS b
      UNWIND [true, false, null] AS c
      WITH (a AND b) AND c AS x, c AND (b AND a) AS y
      WITH coalesce(toString(x), 'null') = coalesce(toString(y), 'null') AS same
      RETURN same, count(*) AS n
      """
    Then the result should be, in any order:
      | same | n  |
      | true | 27 |
    And no side effects

  Scenario Outline: <expr> is not of booleans
    Given any graph
    When executing query:
      """
      RETURN <expr>
      """
    Then a SyntaxError should be raised at compile time: InvalidArgumentType

    Examples:
      | expr             |
      | 1 AND true       |
      | true AND 1       |
      | 'a' OR false     |
      | false OR 'a'     |
      | [] XOR true      |
      | true XOR [true]  |
      | {} AND true      |
      | true OR {a: 1}   |
      | NOT 1            |
      | NOT 'true'       |
      | NOT []           |
      | NOT {}           |
      | 1.5 AND null     |
      | null OR 0        |

  Scenario: Predicates are evaluated lazily enough not to change rows
    Given an empty graph
    And having executed:
      """
      CREATE ({x: 1}), ({x: 2}), ({y: 3})
      """
    When executing query:
      """
      MATCH (n) WHERE n.x > 1 OR n.y = 3 RETURN n
      """
    Then the result should be, in any order:
      | n        |
      | ({x: 2}) |
      | ({y: 3}) |
    And no side effects
