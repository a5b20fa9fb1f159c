package judge

import "github.com/memlatch/memlatch/racefuzz/internal/race"

// serversAnswerAndStop finds a server that was told to stop and lives on.
func serversAnswerAndStop(j *Judge) {
	j.breaks(race.ServersAnswerAndStop, "%s was asked to stop and lives on", j.lives[j.fact.Who].name)
}
