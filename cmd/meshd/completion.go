package main

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/meshd/meshd/cmd/meshd/internal/exit"
)

var shells = []string{"bash", "zsh", "fish", "powershell"}

func completionCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "completion SHELL",
		Short: "Print the completion script for bash, zsh, fish or powershell",
		Example: `  meshd completion bash > /etc/bash_completion.d/meshd
  meshd completion zsh > "${fpath[1]}/_meshd"
  meshd completion fish > ~/.config/fish/completions/meshd.fish
  meshd completion powershell | Out-String | Invoke-Expression`,
		Args:      arguments,
		ValidArgs: shells,
		RunE: func(cmd *cobra.Command, args []string) error {
			root := cmd.Root()
			switch args[0] {
			case "bash":
				return root.GenBashCompletionV2(a.out, true)
			case "zsh":
				return root.GenZshCompletion(a.out)
			case "fish":
				return root.GenFishCompletion(a.out, true)
			case "powershell":
				return root.GenPowerShellCompletionWithDesc(a.out)
			}
			return exit.New(exit.Usage, "there is no completion for \""+args[0]+"\"", "choose one of "+strings.Join(shells, ", "))
		},
	}
}
