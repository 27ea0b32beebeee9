Feature: RETURN

  Background:
    Given an empty graph
    And having executed:
      """
      CREATE (:A {n: 'a', v: 1})-[:R {w: 2}]->(:B {n: 'b'})
      """

  Scenario: The star is all variables
    When executing query:
      """
      MATCH p = (x:A)-[r]->(y) RETURN *
      """
    Then the result should be, in any order:
      | p                                                     | r            | x                     | y             |
      | <(:A {n: 'a', v: 1})-[:R {w: 2}]->(:B {n: 'b'})>      | [:R {w: 2}]  | (:A {n: 'a', v: 1})   | (:B {n: 'b'}) |
    And no side effects

  Scenario: The star and more
    When executing query:
      """
      MATCH (x:A) RETURN *, x.v AS v
      """
    Then the result should be, in any order:
      | x                   | v |
      | (:A {n: 'a', v: 1}) | 1 |
    And no side effects

  Scenario Outline: The column of <expr>
    When executing query:
      """
      MATCH (x:A)-[r]->(y) RETURN <expr>
      """
    Then the result should be, in any order:
      | <column> |
      | <r>      |
    And no side effects

    Examples:
      | expr                      | column                    | r     |
      | x.v                       | x.v                       | 1     |
      | x . v                     | x . v                     | 1     |
      | x.v+1                     | x.v+1                     | 2     |
      | x.v  +  1                 | x.v  +  1                 | 2     |
      | count(*)                  | count(*)                  | 1     |
      | cOuNt( * )                | cOuNt( * )                | 1     |
      | count(DISTINCT x)         | count(DISTINCT x)         | 1     |
      | (x.v)                     | (x.v)                     | 1     |
      | [1,2][0]                  | [1,2][0]                  | 1     |
      | {a:1}.a                   | {a:1}.a                   | 1     |
      | "a"                       | "a"                       | 'a'   |
      | NOT true                  | NOT true                  | false |
      | not  TRUE                 | not  TRUE                 | false |
      | null IS  NULL             | null IS  NULL             | true  |
      | x:A                       | x:A                       | true  |
      | x : A                     | x : A                     | true  |
      | size([1 , 2])             | size([1 , 2])             | 2     |
      | CASE 1 WHEN 1 THEN 2 END  | CASE 1 WHEN 1 THEN 2 END  | 2     |
      | [n IN [1] \| n]           | [n IN [1] \| n]           | [1]   |
      | -x.v                      | -x.v                      | -1    |
      | 1 IN [1]                  | 1 IN [1]                  | true  |
      | x.v AS `a b`              | a b                       | 1     |
      | x.v AS null               | null                      | 1     |
      | exists((x)-->())          | exists((x)-->())          | true  |
      | x.`v`                     | x.`v`                     | 1     |
      | 0x10                      | 0x10                      | 16    |
      | 1.50                      | 1.50                      | 1.5   |

  Scenario: DISTINCT
    Given any graph
    When executing query:
      """
      UNWIND [1, 1.0, '1', null, null, [1], [1.0], {a: 1}, {a: 1}] AS x RETURN DISTINCT toString(size([x])) AS s, count(*) AS c
      """
    Then the result should be, in any order:
      | s   | c |
      | '1' | 9 |
    And no side effects

  Scenario: DISTINCT rows of two columns
    Given any graph
    When executing query:
      """
      UNWIND [[1, 2], [1, 2], [2, 1], [1, null], [1, null]] AS l RETURN DISTINCT l[0] AS a, l[1] AS b
      """
    Then the result should be, in any order:
      | a | b    |
      | 1 | 2    |
      | 2 | 1    |
      | 1 | null |
    And no side effects

  Scenario: DISTINCT nodes
    When executing query:
      """
      MATCH (x)--() MATCH (y) RETURN DISTINCT x
      """
    Then the result should be, in any order:
      | x                   |
      | (:A {n: 'a', v: 1}) |
      | (:B {n: 'b'})       |
    And no side effects

  Scenario: A column as often as wanted by another name
    When executing query:
      """
      MATCH (x:A) RETURN x.v, x.v AS v, x.v + 0 AS w
      """
    Then the result should be, in any order:
      | x.v | v | w |
      | 1   | 1 | 1 |
    And no side effects

  Scenario: Maps and lists of nodes
    When executing query:
      """
      MATCH (x:A)-[r]->(y) RETURN {node: x, rels: [r]} AS m, [y, {v: x.v}] AS l
      """
    Then the result should be, in any order:
      | m                                                 | l                       |
      | {node: (:A {n: 'a', v: 1}), rels: [[:R {w: 2}]]}  | [(:B {n: 'b'}), {v: 1}] |
    And no side effects

  Scenario Outline: <query>
    When executing query:
      """
      <query>
      """
    Then a SyntaxError should be raised at compile time: <detail>

    Examples:
      | query                                 | detail                         |
      | RETURN x                              | UndefinedVariable              |
      | RETURN *                              | NoVariablesInScope             |
      | MATCH () RETURN *                     | NoVariablesInScope             |
      | RETURN 1 AS a, 2 AS a                 | ColumnNameConflict             |
      | MATCH (n) RETURN n, n                 | ColumnNameConflict             |
      | RETURN 1, 1                           | ColumnNameConflict             |
      | RETURN foo(1)                         | UnknownFunction                |
      | RETURN a.b.c(1)                       | UnknownFunction                |
      | RETURN                                | UnexpectedSyntax               |
      | RETURN 1,                             | UnexpectedSyntax               |
      | RETURN 1 AS                           | UnexpectedSyntax               |
      | RETURN 1 2                            | UnexpectedSyntax               |
      | RETURN (1                             | UnexpectedSyntax               |
      | RETURN 1)                             | UnexpectedSyntax               |
      | RETURN 1 +                            | UnexpectedSyntax               |
      | RETURN * 2                            | UnexpectedSyntax               |
      | RETURN 1 = = 1                        | UnexpectedSyntax               |
      | RETURN 1 ! 2                          | UnexpectedSyntax               |
      | RETURN 'a                             | UnexpectedSyntax               |
      | RETURN `a                             | UnexpectedSyntax               |
      | RETURN /* 1                           | UnexpectedSyntax               |
      | RETURN count(count(*))                | NestedAggregation              |
      | RETURN sum(1 + max(2))                | NestedAggregation              |
      | MATCH (n) RETURN n.v + count(*)       | AmbiguousAggregationExpression |
      | RETURN labels('a')                    | InvalidArgumentType            |
      | MATCH (n) RETURN DISTINCT             | UnexpectedSyntax               |
