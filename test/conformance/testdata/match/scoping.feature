Feature: Variables of MATCH

  Scenario Outline: <query>
    Given any graph
    When executing query:
      """
      <query>
      """
    Then a SyntaxError should be raised at compile time: <detail>

    Examples:
      | query                                                | detail                          |
      | MATCH (n) RETURN m                                   | UndefinedVariable               |
      | MATCH (n) WHERE m.x = 1 RETURN n                     | UndefinedVariable               |
      | MATCH (n {x: m.x}) RETURN n                          | UndefinedVariable               |
      | MATCH (n)-[n]->() RETURN n                           | VariableTypeConflict            |
      | MATCH (a)-[r]->(r) RETURN r                          | VariableTypeConflict            |
      | MATCH r = ()-[r]->() RETURN r                        | VariableAlreadyBound            |
      | MATCH n = (n) RETURN n                               | VariableAlreadyBound            |
      | MATCH p = (), p = () RETURN p                        | VariableAlreadyBound            |
      | MATCH (p) MATCH p = () RETURN p                      | VariableAlreadyBound            |
      | MATCH ()-[r]->()-[r]->() RETURN r                    | RelationshipUniquenessViolation |
      | MATCH ()-[r]->(), ()-[r]->() RETURN r                | RelationshipUniquenessViolation |
      | MATCH ()-[r*]->()-[r]->() RETURN r                   | VariableTypeConflict            |
      | MATCH (n) MATCH ()-[n]->() RETURN n                  | VariableTypeConflict            |
      | MATCH ()-[r]->() MATCH (r) RETURN r                  | VariableTypeConflict            |
      | MATCH p = ()-->() MATCH (p) RETURN p                 | VariableTypeConflict            |
      | MATCH p = ()-->() MATCH ()-[p]->() RETURN p          | VariableTypeConflict            |
      | MATCH ()-[r*]->() MATCH (r) RETURN r                 | VariableTypeConflict            |
      | WITH 1 AS n MATCH (n) RETURN n                       | VariableTypeConflict            |
      | WITH 'a' AS r MATCH ()-[r]->() RETURN r              | VariableTypeConflict            |
      | WITH [1] AS n MATCH (n) RETURN n                     | VariableTypeConflict            |
      | WITH {a: 1} AS n MATCH (n)-->() RETURN n             | VariableTypeConflict            |
      | WITH true AS n MATCH (x)-[n]-() RETURN n             | VariableTypeConflict            |
      | MATCH (n $p) RETURN n                                | InvalidParameterUse             |
      | MATCH ()-[r $p]->() RETURN r                         | InvalidParameterUse             |
      | MATCH (n) RETURN foo(n)                              | UnknownFunction                 |
      | MATCH (n) WHERE count(n) > 1 RETURN n                | InvalidAggregation              |
      | MATCH (n) WHERE n.x = max(n.y) RETURN n              | InvalidAggregation              |
      | MATCH (n)                                            | InvalidClauseComposition        |
      | MATCH (n)-[r:A\|B                                    | UnexpectedSyntax                |
      | MATCH (n RETURN n                                    | UnexpectedSyntax                |
      | MATCH n RETURN n                                     | UnexpectedSyntax                |
      | MATCH (n) WHERE RETURN n                             | UnexpectedSyntax                |
      | MATCH (a)-[b](c) RETURN a                            | UnexpectedSyntax                |
      | MATCH (a)-->()->(c) RETURN a                         | UnexpectedSyntax                |
      | MATCH (:) RETURN 1                                   | UnexpectedSyntax                |
      | MATCH ()-[r:A\|]->() RETURN r                        | UnexpectedSyntax                |
      | MATCH (n)--->(m) RETURN n                            | UnexpectedSyntax                |
      | RETURN 1 MATCH (n)                                   | InvalidClauseComposition        |
      | MATCH (n) RETURN n RETURN n                          | InvalidClauseComposition        |
      | OPTIONAL (n) RETURN n                                | UnexpectedSyntax                |
      | FOO (n) RETURN n                                     | UnexpectedSyntax                |
