-- Has wrk post 1 KiB of JSON.
dofile(debug.getinfo(1, "S").source:match("^@(.*/)") .. "wrk_report.lua")

local items = {}
for i = 1, 16 do
  items[i] = string.format('{"id":%d,"name":"%s"}', i, string.rep("n", 41))
end

wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = '{"items":[' .. table.concat(items, ",") .. "]}"
