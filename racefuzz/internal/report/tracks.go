package report

import "slices"

// life is the time in which a file had the name or a lock on it was held.
type life struct {
	inode       int
	first, last int // indices of states
}

// lives returns the life of every file in order of beginning.
func lives(states []state) []life {
	var all []life
	at := map[int]int{}
	for i, s := range states {
		seen := func(inode int) {
			if _, ok := at[inode]; !ok {
				at[inode] = len(all)
				all = append(all, life{inode: inode, first: i})
			}
			all[at[inode]].last = i
		}
		if s.inode != 0 {
			seen(s.inode)
		}
		for _, h := range s.locks {
			seen(h.inode)
		}
	}
	return all
}

// tracks lays the files out in columns, as few as there are files at any one
// time: for each state it returns the inode in each column, or 0.
func tracks(states []state) [][]int {
	var free []int // the first state in which each column is free
	all := lives(states)
	column := make([]int, len(all))
	for i, l := range all {
		n := slices.IndexFunc(free, func(from int) bool { return from <= l.first })
		if n < 0 {
			n = len(free)
			free = append(free, 0)
		}
		free[n] = l.last + 1
		column[i] = n
	}
	grid := make([][]int, len(states))
	for i := range grid {
		grid[i] = make([]int, len(free))
	}
	for i, l := range all {
		for at := l.first; at <= l.last; at++ {
			grid[at][column[i]] = l.inode
		}
	}
	return grid
}
