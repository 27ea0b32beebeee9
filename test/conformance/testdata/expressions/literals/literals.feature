Feature: Literals

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
      | expr                      | r       |
      | null                      | null    |
      | NULL                      | null    |
      | true                      | true    |
      | TRUE                      | true    |
      | tRuE                      | true    |
      | False                     | false   |
      | 0                         | 0       |
      | -0                        | 0       |
      | 1                         | 1       |
      | 9223372036854775807       | 9223372036854775807 |
      | -9223372036854775808      | -9223372036854775808 |
      | 0x0                       | 0       |
      | 0x1F                      | 31      |
      | 0x1f                      | 31      |
      | -0x1F                     | -31     |
      | 0x7FFFFFFFFFFFFFFF        | 9223372036854775807 |
      | -0x8000000000000000       | -9223372036854775808 |
      | 0o0                       | 0       |
      | 0o17                      | 15      |
      | -0o17                     | -15     |
      | 0o777777777777777777777   | 9223372036854775807 |
      | -0o1000000000000000000000 | -9223372036854775808 |
      | 1.0                       | 1.0     |
      | .5                        | 0.5     |
      | -.5                       | -0.5    |
      | -0.0                      | 0.0     |
      | 0.0                       | 0.0     |
      | 3.14159                   | 3.14159 |
      | 1e3                       | 1000.0  |
      | 1E3                       | 1000.0  |
      | 1.5e-3                    | 0.0015  |
      | 2e-1                      | 0.2     |
      | .1e2                      | 10.0    |
      | -1e-9                     | -1e-9   |
      | 1e308                     | 1e308   |
      | 1e-400                    | 0.0     |
      | ''                        | ''      |
      | ""                        | ''      |
      | "a"                       | 'a'     |
      | "it's"                    | 'it\\'s' |
      | 'say "x"'                 | 'say "x"' |
      | 'it\\'s'                  | 'it\\'s' |
      | 'a\\\\b'                  | 'a\\\\b' |
      | '\\u0041'                 | 'A'     |
      | '\\U0001F600' = '😀'       | true    |
      | '\\u00e9' = 'é'           | true    |
      | size('\\n\\t\\r\\b\\f')   | 5       |
      | '\\\\u0041' = '\\u0041'   | false   |
      | 'a // b'                  | 'a // b' |
      | 'a /* b */'               | 'a /* b */' |
      | []                        | []      |
      | [[[[]]]]                  | [[[[]]]] |
      | [1, 'a', null]            | [1, 'a', null] |
      | [ 1 , 2 ]                 | [1, 2]  |
      | [-1, -2.5]                | [-1, -2.5] |
      | {}                        | {}      |
      | {a: {}}                   | {a: {}} |
      | { a : 1 , b : [ ] }       | {a: 1, b: []} |
      | {a: 1 /* c */, b: 2}      | {a: 1, b: 2} |
      | {true: 1}                 | {true: 1} |
      | {ä: 1}                    | {ä: 1}  |

  Scenario Outline: <text> is no literal
    Given any graph
    When executing query:
      """
      RETURN <text> AS r
      """
    Then a SyntaxError should be raised at compile time: <detail>

    Examples:
      | text                 | detail              |
      | 9223372036854775808  | IntegerOverflow     |
      | -9223372036854775809 | IntegerOverflow     |
      | 0x8000000000000000   | IntegerOverflow     |
      | -0x8000000000000001  | IntegerOverflow     |
      | 0x1A2b3c4D5E6f7A8D9B0 | IntegerOverflow    |
      | 0o1000000000000000000000 | IntegerOverflow |
      | -0o1000000000000000000001 | IntegerOverflow |
      | 1e309                | FloatingPointOverflow |
      | -1.5e400             | FloatingPointOverflow |
      | 12a                  | InvalidNumberLiteral |
      | 0x                   | InvalidNumberLiteral |
      | 0x1G                 | InvalidNumberLiteral |
      | 0o8                  | InvalidNumberLiteral |
      | 9223372h54775808     | InvalidNumberLiteral |
      | '\\uH'               | InvalidUnicodeLiteral |
      | '\\u12'              | InvalidUnicodeLiteral |
      | '\\q'                | UnexpectedSyntax    |
      | 'abc                 | UnexpectedSyntax    |
      | [1, 2                | UnexpectedSyntax    |
      | [, 1]                | UnexpectedSyntax    |
      | [1, ]                | UnexpectedSyntax    |
      | [1 2]                | UnexpectedSyntax    |
      | {1: 1}               | UnexpectedSyntax    |
      | {a: 1                | UnexpectedSyntax    |
      | {a: }                | UnexpectedSyntax    |
      | {a 1}                | UnexpectedSyntax    |
      | {'a': 1}             | UnexpectedSyntax    |
      | {a: 1,, b: 2}        | UnexpectedSyntax    |
      | {1a: 1}              | UnexpectedSyntax    |
      | —1                   | InvalidUnicodeCharacter |

  Scenario: Names between backticks
    Given an empty graph
    And having executed:
      """
      CREATE (:`A B` {`x-y`: 1})-[:`T``T` {`1`: 2}]->()
      """
    When executing query:
      """
      MATCH (`n n`:`A B`)-[r:`T``T`]->() RETURN `n n`.`x-y` AS `a b`, r.`1` AS `1`
      """
    Then the result should be, in any order:
      | a b | 1 |
      | 1   | 2 |
    And no side effects

  Scenario: Comments and white space
    Given any graph
    When executing query:
      """
      // first
      RETURN /* a
        comment */ 1//2
      +	2 AS r // end
      """
    Then the result should be, in any order:
      | r |
      | 3 |
    And no side effects

  Scenario: Keywords in any case, names in theirs
    Given an empty graph
    And having executed:
      """
      CREATE (:a {v: 1}), (:A {v: 2})
      """
    When executing query:
      """
      mAtCh (N:A) wItH N As n WhErE n.v = 2 rEtUrN n.v aS V
      """
    Then the result should be, in any order:
      | V |
      | 2 |
    And no side effects
