-- Has wrk post a MiB.
dofile(debug.getinfo(1, "S").source:match("^@(.*/)") .. "wrk_report.lua")

wrk.method = "POST"
wrk.body = string.rep("A", 1048576)
