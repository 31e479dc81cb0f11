-- Counts the attempts of an exchange: all, those at a real address, and to whom the last of those went.
--
-- Law: runs in each cluster of a plan, before anything is sent; the sink (port 0) is no real address. The header that
-- tells the host was put there by the filter before this one, and goes no further.

local META, WALK, HOST = "extproc", "extproc.walk", "x-extproc-ctl-hosts"

function envoy_on_request(handle)
  local headers, metadata = handle:headers(), handle:streamInfo():dynamicMetadata()
  local host, walk = headers:get(HOST) or "", metadata:get(WALK) or {}
  headers:remove(HOST)
  local tried = (walk["tried"] or 0) + 1
  metadata:set(WALK, "tried", tried)
  if string.sub(host, -2) ~= ":0" then
    metadata:set(WALK, "real", (walk["real"] or 0) + 1)
    local targets = (metadata:get(META) or {})["targets"] or {}
    if targets[tried] then metadata:set(WALK, "target", (string.gsub(targets[tried], "[^\32-\126]", "?"))) end
  end
end
