Feature: Strings

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
      | expr                               | r      |
      | 'a' + 'b'                          | 'ab'   |
      | 'a' + 1                            | 'a1'   |
      | 1 + 'a'                            | '1a'   |
      | 'a' + 1.5                          | 'a1.5' |
      | '' + ''                            | ''     |
      | 'abc' STARTS WITH 'ab'             | true   |
      | 'abc' STARTS WITH ''               | true   |
      | 'abc' STARTS WITH 'AB'             | false  |
      | 'abc' ENDS WITH 'bc'               | true   |
      | 'abc' ENDS WITH 'abcd'             | false  |
      | 'abc' CONTAINS 'b'                 | true   |
      | 'abc' CONTAINS ''                  | true   |
      | '' CONTAINS 'a'                    | false  |
      | 'a b' CONTAINS ' '                 | true   |
      | 'abc' STARTS WITH null             | null   |
      | 1 STARTS WITH 'a'                  | null   |
      | 'a' CONTAINS 1                     | null   |
      | [] ENDS WITH 'a'                   | null   |
      | NOT 'abc' STARTS WITH 'b'          | true   |
      | 'abc' =~ 'a.c'                     | true   |
      | 'abc' =~ 'a'                       | false  |
      | 'abc' =~ 'b'                       | false  |
      | 'ABC' =~ '(?i)abc'                 | true   |
      | 'a1' =~ '[a-z][0-9]'               | true   |
      | '' =~ ''                           | true   |
      | 'ab' =~ 'a\|b'                     | false  |
      | 'b' =~ 'a\|b'                      | true   |
      | toUpper('aéß1') STARTS WITH 'AÉ'   | true   |
      | toLower('ÀB')                      | 'àb'   |
      | trim('  a b  ')                    | 'a b'  |
      | lTrim('  a ')                      | 'a '   |
      | rTrim(' a  ')                      | ' a'   |
      | left('hello', 2)                   | 'he'   |
      | left('hello', 9)                   | 'hello' |
      | left('hello', 0)                   | ''     |
      | right('hello', 2)                  | 'lo'   |
      | right('hello', 9)                  | 'hello' |
      | substring('0123456789', 1)         | '123456789' |
      | substring('hello', 1, 3)           | 'ell'  |
      | substring('hello', 3, 9)           | 'lo'   |
      | substring('hello', 9)              | ''     |
      | substring('hello', 0, 0)           | ''     |
      | replace('hello', 'l', 'L')         | 'heLLo' |
      | replace('hello', 'x', 'y')         | 'hello' |
      | replace('aaa', 'aa', 'b')          | 'ba'   |
      | split('a,b,,c', ',')               | ['a', 'b', '', 'c'] |
      | split('abc', ',')                  | ['abc'] |
      | split('', ',')                     | ['']   |
      | reverse('raksO')                   | 'Oskar' |
      | reverse('')                        | ''     |
      | size('')                           | 0      |
      | size('åäö')                        | 3      |
      | size('𝄞')                          | 1      |
      | toString(1)                        | '1'    |
      | toString(1.0)                      | '1.0'  |
      | toString(true)                     | 'true' |
      | toString('a')                      | 'a'    |
      | 'a' IN split('a b', ' ')           | true   |

  Scenario: Properties that begin, end and contain
    Given an empty graph
    And having executed:
      """
      CREATE ({name: 'ABCDEF'}), ({name: 'AB'}), ({name: 'abcdef'}), ({name: 'ab'}), ({name: ''}), ({name: 5}), ()
      """
    When executing query:
      """
      MATCH (a) WHERE a.name STARTS WITH 'AB' OR a.name ENDS WITH 'ef' AND a.name CONTAINS 'cd' RETURN a.name AS n
      """
    Then the result should be, in any order:
      | n        |
      | 'ABCDEF' |
      | 'AB'     |
      | 'abcdef' |
    And no side effects

  Scenario: NOT lets no incomparable type through
    Given an empty graph
    And having executed:
      """
      CREATE ({name: 'a'}), ({name: 'b'}), ({name: 5}), ()
      """
    When executing query:
      """
      MATCH (a) WHERE NOT a.name CONTAINS 'a' RETURN a.name AS n
      """
    Then the result should be, in any order:
      | n   |
      | 'b' |
    And no side effects

  Scenario: White space at the ends
    Given an empty graph
    And having executed:
      """
      CREATE ({name: ' a\n'}), ({name: '\ta '}), ({name: 'a'})
      """
    When executing query:
      """
      MATCH (n) WHERE n.name ENDS WITH '\n' OR n.name STARTS WITH '\t' RETURN count(*) AS c, collect(DISTINCT trim(n.name)) AS t
      """
    Then the result should be, in any order:
      | c | t     |
      | 2 | ['a'] |
    And no side effects

  Scenario: A negative length fails
    Given any graph
    When executing query:
      """
      WITH -1 AS n RETURN substring('hello', 0, n)
      """
    Then a ArgumentError should be raised at runtime: NegativeIntegerArgument
