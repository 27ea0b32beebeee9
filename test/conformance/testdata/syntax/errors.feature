Feature: Errors by their names

  Scenario Outline: <query>
    Given any graph
    When executing query:
      """
      <query>
      """
    Then a SyntaxError should be raised at compile time: <detail>

    Examples:
      | query                                                 | detail                |
      | RETURN 9223372#54775808                               | UnexpectedSyntax      |
      | RETURN 0x1A2#3                                        | UnexpectedSyntax      |
      | RETURN 0o17#3                                         | UnexpectedSyntax      |
      | RETURN 0x1A2b3j4                                      | InvalidNumberLiteral  |
      | RETURN 0o178                                          | InvalidNumberLiteral  |
      | RETURN 0o1a                                           | InvalidNumberLiteral  |
      | RETURN -0x                                            | InvalidNumberLiteral  |
      | RETURN {1B2c3e67:1}                                   | UnexpectedSyntax      |
      | RETURN {k1#k: 1}                                      | UnexpectedSyntax      |
      | RETURN {k1.k: 1}                                      | UnexpectedSyntax      |
      | RETURN {, }                                           | UnexpectedSyntax      |
      | RETURN {k: 1, }                                       | UnexpectedSyntax      |
      | RETURN {: 1}                                          | UnexpectedSyntax      |
      | RETURN {k: 1}}                                        | UnexpectedSyntax      |
      | RETURN {[]: 1}                                        | UnexpectedSyntax      |
      | RETURN [[1], [2}]                                     | UnexpectedSyntax      |
      | RETURN []]                                            | UnexpectedSyntax      |
      | RETURN [[]                                            | UnexpectedSyntax      |
      | RETURN [;]                                            | UnexpectedSyntax      |
      | RETURN [1, 2, 'ab, 3]                                 | UnexpectedSyntax      |
      | RETURN 'a'b'                                          | UnexpectedSyntax      |
      | RETURN "a"b"                                          | UnexpectedSyntax      |
      | RETURN 'uncorrected \\uX123'                          | InvalidUnicodeLiteral |
      | RETURN 1 == 2                                         | UnexpectedSyntax      |
      | RETURN 1 != 2                                         | UnexpectedSyntax      |
      | RETURN NOT                                            | UnexpectedSyntax      |
      | RETURN 1 AND                                          | UnexpectedSyntax      |
      | RETURN AND 1                                          | UnexpectedSyntax      |
      | RETURN 1 IS                                           | UnexpectedSyntax      |
      | RETURN 'a' STARTS 'a'                                 | UnexpectedSyntax      |
      | RETURN $                                              | UnexpectedSyntax      |
      | RETURN CASE WHEN THEN 1 END                           | UnexpectedSyntax      |
      | RETURN [x IN]                                         | UnexpectedSyntax      |
      | RETURN [x IN [1] WHERE]                               | UnexpectedSyntax      |
      | RETURN [x IN [1] \|]                                  | UnexpectedSyntax      |
      | RETURN all(x IN [1])) AS y                            | UnexpectedSyntax      |
      | RETURN reduce(a, x IN [1] \| a)                       | UnexpectedSyntax      |
      | RETURN count(DISTINCT *)                              | UnexpectedSyntax      |
      | RETURN sum(*)                                         | UnexpectedSyntax      |
      | RETURN a.                                             | UnexpectedSyntax      |
      | RETURN a.1                                            | UnexpectedSyntax      |
      | MATCH (a:A:) RETURN a                                 | UnexpectedSyntax      |
      | MATCH (a {x}) RETURN a                                | UnexpectedSyntax      |
      | MATCH (a) (b) RETURN a                                | UnexpectedSyntax      |
      | MATCH (a)-[r*..b]->() RETURN a                        | UnexpectedSyntax      |
      | MATCH (a)-[:R*1.5]->() RETURN a                       | UnexpectedSyntax      |
      | MATCH (a), RETURN a                                   | UnexpectedSyntax      |
      | MATCH (a) WHERE a.x = 1 WHERE a.y = 2 RETURN a        | UnexpectedSyntax      |
      | MATCH (a) ORDER BY a RETURN a                         | UnexpectedSyntax      |
      | UNWIND [1] x RETURN x                                 | UnexpectedSyntax      |
      | UNWIND [1] AS x.y RETURN 1                            | UnexpectedSyntax      |
      | UNION RETURN 1 AS x                                   | UnexpectedSyntax      |
      | WITH 1 AS x MATCH (n)                                 | InvalidClauseComposition |
      | RETURN 1 AS x WITH x RETURN x                         | InvalidClauseComposition |
      | RETURN 1 AS x UNWIND [1] AS y RETURN y                | InvalidClauseComposition |
      | MATCH (a) WITH a.x AS x RETURN a                      | UndefinedVariable     |
      | MATCH (a) WITH count(a) AS c ORDER BY a.x RETURN c    | UndefinedVariable     |
      | MATCH (a) RETURN [b IN [1] \| a.x + c]                | UndefinedVariable     |
      | MATCH (a) RETURN all(b IN [1] WHERE c)                | UndefinedVariable     |
      | MATCH (a) RETURN reduce(s = b, x IN [1] \| s)         | UndefinedVariable     |
      | MATCH (a) RETURN reduce(s = x, x IN [1] \| s)         | UndefinedVariable     |
      | MATCH (a) RETURN a {b}                                | UndefinedVariable     |
      | RETURN b {.x}                                         | UndefinedVariable     |
      | MATCH (a) WHERE EXISTS { (a)-->(b) WHERE c.x = 1 } RETURN a | UndefinedVariable |
      | MATCH p = (a)-->(b) WHERE q IS NULL RETURN p          | UndefinedVariable     |
      | MATCH (a) RETURN a ORDER BY b                         | UndefinedVariable     |
      | UNWIND [1] AS x WITH x AS y RETURN x                  | UndefinedVariable     |
      | RETURN 1 AS x ORDER BY x + y                          | UndefinedVariable     |
      | MATCH (n) RETURN 1 + 'a' - 1                          | InvalidArgumentType   |
      | MATCH ()-[r*]->() WHERE r.x = 1 RETURN r              | InvalidArgumentType   |
      | MATCH p = ()-[*]->() WHERE p.x = 1 RETURN p           | InvalidArgumentType   |
      | MATCH (n) RETURN n AND true                           | InvalidArgumentType   |
      | MATCH (n) WHERE 1 RETURN n                            | InvalidArgumentType   |
      | MATCH (n) WHERE 'true' RETURN n                       | InvalidArgumentType   |
      | MATCH (n) WHERE [true] RETURN n                       | InvalidArgumentType   |
      | MATCH (n) RETURN type(n)                              | InvalidArgumentType   |
      | MATCH ()-[r]->() RETURN labels(r)                     | InvalidArgumentType   |
      | MATCH (n) RETURN length(n)                            | InvalidArgumentType   |
      | MATCH p = () RETURN size(p)                           | InvalidArgumentType   |
      | MATCH (n) RETURN -n                                   | InvalidArgumentType   |
      | MATCH (n) RETURN n + 1                                | InvalidArgumentType   |
      | MATCH (n) RETURN n[0..1]                              | InvalidArgumentType   |
      | RETURN {a: 1}[0..1]                                   | InvalidArgumentType   |
      | RETURN 1[0]                                           | InvalidArgumentType   |
      | RETURN all(x IN {a: 1} WHERE x)                       | InvalidArgumentType   |
      | RETURN [x IN 'abc' \| x]                              | InvalidArgumentType   |
      | RETURN toUpper(1)                                     | InvalidArgumentType   |
      | RETURN exists(1)                                      | InvalidArgumentExpression |
      | RETURN nosuch()                                       | UnknownFunction       |
      | MATCH (n) RETURN n.nosuch()                           | UnknownFunction       |
      | MATCH (n) RETURN DISTINCT nosuch(n)                   | UnknownFunction       |
      | RETURN size(1, 2)                                     | InvalidNumberOfArguments |
      | RETURN max(1, 2)                                      | InvalidNumberOfArguments |
      | UNWIND [1] AS x RETURN sum(x) + x                     | AmbiguousAggregationExpression |
      | UNWIND [1] AS x RETURN max(count(x))                  | NestedAggregation     |
      | UNWIND [1] AS x WITH x WHERE max(x) > 0 RETURN x      | InvalidAggregation    |
      | UNWIND [1] AS x RETURN x SKIP count(*)                | InvalidAggregation    |
      | UNWIND [1] AS x RETURN x LIMIT max(1)                 | InvalidAggregation    |
      | UNWIND [1] AS x RETURN x LIMIT x                      | NonConstantExpression |
      | UNWIND [1] AS x RETURN x SKIP [y IN [1] \| x][0]      | NonConstantExpression |
      | RETURN 1 LIMIT -1                                     | NegativeIntegerArgument |
      | RETURN 1 AS a, 1 AS b UNION RETURN 1 AS b, 1 AS a     | DifferentColumnsInUnion |

  Scenario: A parameter that is not given
    Given any graph
    When executing query:
      """
      RETURN $nothing
      """
    Then a ParameterMissing should be raised at compile time: MissingParameter

  Scenario: It is refused whether or not there are rows
    Given an empty graph
    When executing query:
      """
      MATCH (n) WHERE n.x = 1 AND foo > 1 RETURN n
      """
    Then a SyntaxError should be raised at compile time: UndefinedVariable
