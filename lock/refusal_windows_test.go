package lock

var ownObstacles []obstacle
