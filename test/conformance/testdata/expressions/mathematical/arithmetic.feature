Feature: Arithmetic

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
      | expr                         | r    |
      | 3 - 5                        | -2   |
      | 3 * 1.5                      | 4.5  |
      | 1.0 * 3                      | 3.0  |
      | 4 / 2                        | 2    |
      | 4 / 2.0                      | 2.0  |
      | -5 / 3                       | -1   |
      | 5 % 3                        | 2    |
      | -5 % 3                       | -2   |
      | 5 % -3                       | 2    |
      | 5.5 % 2                      | 1.5  |
      | -5.5 % 2                     | -1.5 |
      | 3 ^ 2                        | 9.0  |
      | 4 ^ 0.5                      | 2.0  |
      | 0 ^ 0                        | 1.0  |
      | 1 / 0.0                      | Infinity  |
      | -1 / 0.0                     | -Infinity |
      | 0.0 / 0                      | NaN  |
      | 1.5 % 0                      | NaN  |
      | 1.5e2                        | 150.0 |
      | 1 + null                     | null |
      | 9223372036854775806 + 1      | 9223372036854775807 |
      | -9223372036854775807 - 1     | -9223372036854775808 |
      | 9223372036854775807 + 0.0    | 9223372036854775807.0 |
      | abs(-3)                      | 3    |
      | abs(-3.5)                    | 3.5  |
      | abs(0)                       | 0    |
      | ceil(1.2)                    | 2.0  |
      | ceil(-1.2)                   | -1.0 |
      | ceil(2)                      | 2.0  |
      | floor(1.8)                   | 1.0  |
      | floor(-1.2)                  | -2.0 |
      | round(1.5)                   | 2.0  |
      | round(2.5)                   | 3.0  |
      | round(-1.5)                  | -1.0 |
      | round(1.4999)                | 1.0  |
      | sign(-7)                     | -1   |
      | sign(0.0)                    | 0    |
      | sign(0.1)                    | 1    |
      | sqrt(16)                     | 4.0  |
      | sqrt(-1)                     | NaN  |
      | exp(0)                       | 1.0  |
      | log(1)                       | 0.0  |
      | log10(1000)                  | 3.0  |
      | log(0)                       | -Infinity |
      | sin(0)                       | 0.0  |
      | cos(0)                       | 1.0  |
      | tan(0)                       | 0.0  |
      | atan(0)                      | 0.0  |
      | atan2(0, 1)                  | 0.0  |
      | asin(0)                      | 0.0  |
      | acos(1)                      | 0.0  |
      | acos(2)                      | NaN  |
      | degrees(pi())                | 180.0 |
      | radians(180) = pi()          | true |
      | haversin(0)                  | 0.0  |
      | e() = exp(1)                 | true |
      | cot(1) = 1 / tan(1)          | true |
      | toInteger(pi() * 1000)       | 3141 |
      | 0 <= rand() < 1              | true |

  Scenario Outline: <expr> is out of range
    Given any graph
    When executing query:
      """
      WITH 9223372036854775807 AS max, -9223372036854775808 AS min, 0 AS zero
      RETURN <expr> AS r
      """
    Then a ArithmeticError should be raised at runtime: <detail>

    Examples:
      | expr          | detail          |
      | max + 1       | IntegerOverflow |
      | min - 1       | IntegerOverflow |
      | max * 2       | IntegerOverflow |
      | min * -1      | IntegerOverflow |
      | -min          | IntegerOverflow |
      | min / -1      | IntegerOverflow |
      | abs(min)      | IntegerOverflow |
      | 1 / zero      | DivisionByZero  |
      | 1 % zero      | DivisionByZero  |

  Scenario Outline: <expr> is not of numbers
    Given any graph
    When executing query:
      """
      RETURN <expr>
      """
    Then a SyntaxError should be raised at compile time: InvalidArgumentType

    Examples:
      | expr        |
      | 1 - 'a'     |
      | 'a' * 2     |
      | true + 1    |
      | {} - 1      |
      | [1] - [1]   |
      | 'a' ^ 2     |
      | true % 2    |
      | -'a'        |
      | abs('a')    |
      | sqrt(true)  |
      | 1 / true    |

  Scenario: Arithmetic on properties
    Given an empty graph
    And having executed:
      """
      CREATE ({a: 7, b: 2})
      """
    When executing query:
      """
      MATCH (n) RETURN n.a + n.b AS s, n.a - n.b AS d, n.a * n.b AS p, n.a / n.b AS q, n.a % n.b AS m, n.a ^ n.b AS e, -n.a AS g
      """
    Then the result should be, in any order:
      | s | d | p  | q | m | e    | g  |
      | 9 | 5 | 14 | 3 | 1 | 49.0 | -7 |
    And no side effects

  Scenario: A wrong type that only shows in a row fails then
    Given an empty graph
    And having executed:
      """
      CREATE ({a: 'x'})
      """
    When executing query:
      """
      MATCH (n) RETURN n.a * 2
      """
    Then a TypeError should be raised at runtime: InvalidArgumentType
