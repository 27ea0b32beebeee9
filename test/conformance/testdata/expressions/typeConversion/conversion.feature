Feature: Type conversion

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
      | expr                  | r     |
      | toInteger('42')       | 42    |
      | toInteger('-7')       | -7    |
      | toInteger('2.9')      | 2     |
      | toInteger('-2.9')     | -2    |
      | toInteger(82.9)       | 82    |
      | toInteger(-82.9)      | -82   |
      | toInteger(5)          | 5     |
      | toInteger('foo')      | null  |
      | toInteger('')         | null  |
      | toInteger('1a')       | null  |
      | toFloat('5.5')        | 5.5   |
      | toFloat('5')          | 5.0   |
      | toFloat(3)            | 3.0   |
      | toFloat(3.5)          | 3.5   |
      | toFloat('foo')        | null  |
      | toFloat('')           | null  |
      | toFloat('1e3')        | 1000.0 |
      | toBoolean('true')     | true  |
      | toBoolean('FALSE')    | false |
      | toBoolean('yes')      | null  |
      | toBoolean('')         | null  |
      | toBoolean(' tru ')    | null  |
      | toBoolean(true)       | true  |
      | toString(42)          | '42'  |
      | toString(42.5)        | '42.5' |
      | toString(false)       | 'false' |
      | toString(1 < 0)       | 'false' |
      | toString('x')         | 'x'   |
      | toString(date('2020-02-03')) | '2020-02-03' |
      | toInteger(toString(7)) | 7    |

  Scenario Outline: <f>() does not take <value>
    Given an empty graph
    And having executed:
      """
      CREATE ()-[:T]->()
      """
    When executing query:
      """
      MATCH p = (n)-[r:T]->()
      RETURN [x IN [<value>] | <f>(x)] AS l
      """
    Then a TypeError should be raised at runtime: InvalidArgumentValue

    Examples:
      | f         | value |
      | toInteger | true  |
      | toInteger | []    |
      | toInteger | {}    |
      | toInteger | n     |
      | toInteger | r     |
      | toInteger | p     |
      | toFloat   | true  |
      | toFloat   | []    |
      | toFloat   | {}    |
      | toFloat   | n     |
      | toFloat   | r     |
      | toFloat   | p     |
      | toBoolean | []    |
      | toBoolean | {}    |
      | toBoolean | 1.0   |
      | toBoolean | n     |
      | toBoolean | r     |
      | toBoolean | p     |
      | toString  | []    |
      | toString  | {}    |
      | toString  | n     |
      | toString  | r     |
      | toString  | p     |

  Scenario: Conversion of what was collected
    Given an empty graph
    And having executed:
      """
      CREATE (:P {v: '1'}), (:P {v: 'two'}), (:P {v: 3}), (:P {v: 4.5})
      """
    When executing query:
      """
      MATCH (n:P) RETURN n.v AS v, toInteger(n.v) AS i, toFloat(n.v) AS f, toString(n.v) AS s
      """
    Then the result should be, in any order:
      | v     | i    | f    | s     |
      | '1'   | 1    | 1.0  | '1'   |
      | 'two' | null | null | 'two' |
      | 3     | 3    | 3.0  | '3'   |
      | 4.5   | 4    | 4.5  | '4.5' |
    And no side effects

  Scenario Outline: <call> has not the right number of arguments
    Given any graph
    When executing query:
      """
      RETURN <call>
      """
    Then a SyntaxError should be raised at compile time: InvalidNumberOfArguments

    Examples:
      | call            |
      | toString()      |
      | toInteger(1, 2) |
      | size()          |
      | range(1)        |
      | range(1, 2, 3, 4) |
      | substring('a')  |
      | coalesce()      |
      | pi(1)           |
      | count()         |
      | collect(1, 2)   |
