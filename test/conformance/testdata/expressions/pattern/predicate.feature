Feature: Patterns as predicates

  Background:
    Given an empty graph
    And having executed:
      """
      CREATE (a:A {n: 'a'}), (b:B {n: 'b'}), (c:C {n: 'c'}), (l:L {n: 'l'}),
             (a)-[:R {w: 1}]->(b), (b)-[:S {w: 2}]->(c), (l)-[:R]->(l)
      """

  Scenario Outline: <where>
    When executing query:
      """
      MATCH (n) WHERE <where> WITH n ORDER BY n.n RETURN collect(n.n) AS l
      """
    Then the result should be, in any order:
      | l   |
      | <l> |
    And no side effects

    Examples:
      | where                               | l                    |
      | (n)-[]->()                          | ['a', 'b', 'l']      |
      | (n)-->()                            | ['a', 'b', 'l']      |
      | (n)<--()                            | ['b', 'c', 'l']      |
      | (n)--()                             | ['a', 'b', 'c', 'l'] |
      | (n)-[:R]->()                        | ['a', 'l']           |
      | (n)-[:R\|S]->()                     | ['a', 'b', 'l']      |
      | (n)-[:R]-()                         | ['a', 'b', 'l']      |
      | (n)-[:X]->()                        | []                   |
      | (n)-->(:C)                          | ['b']                |
      | (:A)-->(n)                          | ['b']                |
      | (n)-->({n: 'b'})                    | ['a']                |
      | (n)-[{w: 2}]->()                    | ['b']                |
      | (n)-->()-->()                       | ['a']                |
      | (n)-[*2]->()                        | ['a']                |
      | (n)-[*2]-(:C)                       | ['a']                |
      | (n)-[:R*]->(:B)                     | ['a']                |
      | (n)-[*0..1]->(:C)                   | ['b', 'c']           |
      | (n)-->(n)                           | ['l']                |
      | (n)--(n)                            | ['l']                |
      | NOT (n)-->()                        | ['c']                |
      | NOT (n)-->() OR n.n = 'a'           | ['a', 'c']           |
      | (n)-->() AND (n)<--()               | ['b', 'l']           |
      | (n)-->() XOR (n)<--()               | ['a', 'c']           |
      | NOT (NOT (n)-->())                  | ['a', 'b', 'l']      |
      | (n)-->(:B) OR (n)-->(:C)            | ['a', 'b']           |
      | exists((n)-->(:B))                  | ['a']                |
      | NOT exists((n)-->())                | ['c']                |
      | (n {n: 'a'})-->()                   | ['a']                |
      | (n:A)-->()                          | ['a']                |
      | (n:A:B)-->()                        | []                   |

  Scenario: Two bound nodes
    When executing query:
      """
      MATCH (x), (y) WHERE x <> y AND (x)-->(y) RETURN x.n AS x, y.n AS y
      """
    Then the result should be, in any order:
      | x   | y   |
      | 'a' | 'b' |
      | 'b' | 'c' |
    And no side effects

  Scenario: A bound relationship
    When executing query:
      """
      MATCH ()-[r]->() MATCH (x) WHERE (x)-[r]->() RETURN x.n AS x, type(r) AS t
      """
    Then the result should be, in any order:
      | x   | t   |
      | 'a' | 'R' |
      | 'b' | 'S' |
      | 'l' | 'R' |
    And no side effects

  Scenario: As a key of groups by exists()
    When executing query:
      """
      MATCH (n) RETURN exists((n)-->()) AS e, count(*) AS c
      """
    Then the result should be, in any order:
      | e     | c |
      | true  | 3 |
      | false | 1 |
    And no side effects

  Scenario: In WITH WHERE
    When executing query:
      """
      MATCH (n) WITH n WHERE (n)-[:S]->() RETURN n
      """
    Then the result should be, in any order:
      | n             |
      | (:B {n: 'b'}) |
    And no side effects

  Scenario: In a list comprehension
    When executing query:
      """
      MATCH (n) WITH n ORDER BY n.n WITH collect(n) AS ns RETURN [x IN ns WHERE (x)-->() | x.n] AS l
      """
    Then the result should be, in any order:
      | l               |
      | ['a', 'b', 'l'] |
    And no side effects

  Scenario Outline: <query>
    When executing query:
      """
      <query>
      """
    Then a SyntaxError should be raised at compile time: <detail>

    Examples:
      | query                                          | detail             |
      | MATCH (n) WHERE (n)-[r]->() RETURN n           | UndefinedVariable  |
      | MATCH (n) WHERE (n)-->(a) RETURN n             | UndefinedVariable  |
      | MATCH (n) WHERE (n)-[r]->(a) RETURN n          | UndefinedVariable  |
      | MATCH (n) RETURN (n)-->()                      | UnexpectedSyntax   |
      | MATCH (n) WITH (n)-->() AS x RETURN x          | UnexpectedSyntax   |
      | MATCH (n) RETURN [(n)-->()]                    | UnexpectedSyntax   |
      | MATCH (n) RETURN size((n)-->())                | UnexpectedSyntax   |
      | MATCH (n) WHERE (n) RETURN n                   | InvalidArgumentType |
      | MATCH (n) WHERE n RETURN n                     | InvalidArgumentType |
      | MATCH (n)-[r]->() WHERE r RETURN n             | InvalidArgumentType |
      | MATCH (n) WHERE n.x = (n)-->() RETURN n        | UnexpectedSyntax   |
