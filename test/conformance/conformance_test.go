package conformance_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/meshd/meshd/test/conformance"
)

// TestScenarios judges all scenarios of testdata in memory; -v tells how many there
// are of each group.
func TestScenarios(t *testing.T) {
	list, err := conformance.Read("testdata")
	if err != nil {
		t.Fatal(err)
	}
	r := conformance.RunAll(t.Context(), &conformance.Memory{}, list, "testdata")
	var text strings.Builder
	r.PrintFailures(&text, true)
	if len(list) == 0 || r.Total[conformance.Passed] != len(list) {
		t.Errorf("%d of %d passed\n%s", r.Total[conformance.Passed], len(list), text.String())
	}
	if err := r.Print(t.Output()); err != nil {
		t.Fatal(err)
	}
	told, err := os.ReadFile("CONFORMANCE.md")
	if err != nil {
		t.Fatal(err)
	}
	for group, n := range r.Groups {
		if line := fmt.Sprintf("\n| %s | %d |\n", group, n[conformance.Passed]); !strings.Contains(string(told), line) {
			t.Errorf("CONFORMANCE.md does not say that %s has %d scenarios", group, n[conformance.Passed])
		}
	}
}

// feature is a file of scenarios that are judged as their names say.
const feature = `Feature: What a judge says

  Scenario: passed
    Given an empty graph
    And having executed:
      """
      CREATE (:B:A {x: 1, y: 'it\'s'})-[:T]->()
      """
    When executing query:
      """
      MATCH p = (n)-->() RETURN p, n.x AS x
      """
    Then the result should be, in order:
      | p                                  | x |
      | <(:A:B {y: 'it\\'s', x: 1})-[:T]->()> | 1 |
    And no side effects

  Scenario: wrong columns
    When executing query:
      """
      RETURN 1 AS y
      """
    Then the result should be, in any order:
      | x |
      | 1 |

  Scenario: wrong type
    When executing query:
      """
      RETURN 1 AS x
      """
    Then the result should be, in any order:
      | x   |
      | 1.0 |

  Scenario: wrong order
    When executing query:
      """
      UNWIND [1, 2] AS x RETURN x
      """
    Then the result should be, in order:
      | x |
      | 2 |
      | 1 |

  Scenario: wrong list
    When executing query:
      """
      RETURN [1, 2] AS x
      """
    Then the result should be, in any order:
      | x      |
      | [2, 1] |

  Scenario: passed without the order of lists
    When executing query:
      """
      RETURN [1, 2] AS x
      """
    Then the result should be (ignoring element order for lists):
      | x      |
      | [2, 1] |

  Scenario: wrong: no error
    When executing query:
      """
      RETURN 1 AS x
      """
    Then a SyntaxError should be raised at compile time: UndefinedVariable

  Scenario: other error
    When executing query:
      """
      RETURN y AS x
      """
    Then a SyntaxError should be raised at runtime: UndefinedVariable

  Scenario: refused
    When executing query:
      """
      RETURN y AS x
      """
    Then the result should be empty

  Scenario: passed at any time
    When executing query:
      """
      RETURN y AS x
      """
    Then a SyntaxError should be raised at any time: UndefinedVariable

  Scenario: skipped
    When executing query:
      """
      CREATE ()
      """
    Then the result should be empty
    And the side effects should be:
      | +nodes | 1 |
`

// TestJudge holds the judge to what it must tell apart.
func TestJudge(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a.feature"), []byte(feature), 0o600); err != nil {
		t.Fatal(err)
	}
	list, err := conformance.Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]conformance.Outcome{"passed": conformance.Passed, "wrong": conformance.Wrong, "other error": conformance.Loose, "refused": conformance.Refused, "skipped": conformance.Skipped}
	var seen []string
	for i := range list {
		got, text := conformance.Judge(t.Context(), &conformance.Memory{}, &list[i], dir)
		for prefix, outcome := range want {
			if strings.HasPrefix(list[i].Name, prefix) && got != outcome {
				t.Errorf("%s: %s: %s", list[i].Name, got, text)
			}
		}
		seen = append(seen, list[i].Name)
	}
	if len(seen) != 11 || !slices.Contains(seen, "skipped") {
		t.Errorf("%d scenarios: %q", len(seen), seen)
	}
}
