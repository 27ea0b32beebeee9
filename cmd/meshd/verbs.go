package main

import "github.com/spf13/cobra"

// verbs is every verb, in the order of the help page.
var verbs = []struct {
	group string
	make  func(*app) *cobra.Command
}{
	{groupStart, initCommand},
	{groupStart, joinCommand},
	{groupStart, serveCommand},
	{groupStart, demoCommand},

	{groupLook, statusCommand},
	{groupLook, membersCommand},
	{groupLook, pingCommand},
	{groupLook, topCommand},
	{groupLook, traceCommand},
	{groupLook, doctorCommand},
	{groupLook, healthCommand},
	{groupLook, certCommand},

	{groupChange, tokenCommand},
	{groupChange, leaveCommand},
	{groupChange, removeCommand},
	{groupChange, seatCommand},
	{groupChange, resetCommand},
	{groupChange, recoverCommand},
	{groupChange, backupCommand},
	{groupChange, restoreCommand},

	{groupAgents, agentsCommand},
	{groupAgents, askCommand},
	{groupAgents, sendCommand},
	{groupAgents, tasksCommand},
	{groupAgents, proposalsCommand},
	{groupAgents, inboxCommand},
	{groupAgents, agentCommand},

	{groupGraph, graphCommand},
	{groupGraph, syncCommand},
	{groupGraph, mcpCommand},

	{groupAccess, apikeyCommand},

	{groupProgram, configCommand},
	{groupProgram, migrateCommand},
	{groupProgram, versionCommand},
	{groupProgram, completionCommand},
}
