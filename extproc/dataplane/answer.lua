-- Dresses the one final answer, and witnesses the usage that a provider reports, without buffering.
--
-- Law: only exchanges with a decision of ours are touched; the bytes of an answer never are; at most the first 8 KB and
-- about the last 16 KB of it are kept. Names are those of extproc/names.py (a test holds them against each other).
-- Metadata is fetched anew after each chunk: the handle does not outlive the wait for the next.

local META, USAGE, WALK = "extproc", "extproc.usage", "extproc.walk"
local HEAD, TAIL, LONGEST_USAGE = 8192, 16384, 4096
local RETRIED_BY_CLIENTS = { [408] = true, [409] = true, [425] = true, [429] = true }
local QUOTE, BACKSLASH, OPEN, CLOSE = 34, 92, 123, 125

local function printable(text)
  return (string.gsub(text, "[^\32-\126]", "?"))
end

-- The end of the object that opens at `from`; nil if it is not all there.
local function object_end(text, from)
  local depth, quoted, at, size = 0, false, from, #text
  while at <= size do
    local byte = string.byte(text, at)
    if quoted then
      if byte == BACKSLASH then at = at + 1 elseif byte == QUOTE then quoted = false end
    elseif byte == QUOTE then quoted = true
    elseif byte == OPEN then depth = depth + 1
    elseif byte == CLOSE then
      depth = depth - 1
      if depth == 0 then return at end
    end
    at = at + 1
  end
  return nil
end

-- The last `"usage": {…}` that is not part of a string.
local function usage_in(text)
  local from, found = 1, nil
  while true do
    local first, open = string.find(text, '"usage"%s*:%s*{', from)
    if not first then return found end
    if first == 1 or string.byte(text, first - 1) ~= BACKSLASH then
      local last = object_end(text, open)
      if last and last - open < LONGEST_USAGE then found = string.sub(text, open, last) end
    end
    from = open
  end
end

-- What tier of service it was, which stands beside usage; the last that is not part of a string.
local function tier_in(text)
  local from, found = 1, nil
  while true do
    local first, last, tier = string.find(text, '"service_tier"%s*:%s*"(%a+)"', from)
    if not first then return found end
    if first == 1 or string.byte(text, first - 1) ~= BACKSLASH then found = tier end
    from = last
  end
end

local function note(handle, key, value)
  handle:streamInfo():dynamicMetadata():set(USAGE, key, value)
end

-- What is said between the filters never comes from an upstream, and never goes to a caller.
local function strip(headers)
  local forged = {}
  for name in pairs(headers) do
    if string.find(name, "x-extproc-ctl-", 1, true) == 1 then forged[#forged + 1] = name end
  end
  for _, name in ipairs(forged) do headers:remove(name) end
end

local function dress(headers, decision, walk)
  if not decision then return end
  if decision["id"] then headers:replace("x-extproc-request-id", decision["id"]) end
  if decision["explain"] and decision["reason"] then
    headers:replace("x-extproc-reason", printable(decision["reason"]))
  end
  if decision["targets"] then
    headers:replace("x-extproc-attempts", string.format("%d", walk["real"] or 0))
    if walk["target"] then headers:replace("x-extproc-target", walk["target"]) end
  end
  local losses = decision["losses"]
  if decision["tell_losses"] and losses and #losses > 0 then
    headers:replace("x-extproc-losses", printable(table.concat(losses, ", ")))
  end
  local status = tonumber(headers:get(":status")) or 0
  if RETRIED_BY_CLIENTS[status] or status >= 500 then
    headers:replace("x-should-retry", "false") -- the whole plan was walked: an SDK must not walk it again
  end
end

local function holds_usage(headers)
  local content, encoding = headers:get("content-type") or "", headers:get("content-encoding")
  return not encoding
    and (string.find(content, "application/json", 1, true) == 1 or string.find(content, "text/event-stream", 1, true) == 1)
end

local function witness(handle, began)
  local head, pieces, first_piece, kept, seen_first = "", {}, 1, 0, false
  for chunk in handle:bodyChunks() do
    local size = chunk:length()
    if size > 0 then
      if not seen_first then
        seen_first = true
        note(handle, "first_chunk_ms", tonumber(handle:timestamp()) - began)
      end
      if #head < HEAD then head = head .. chunk:getBytes(0, math.min(size, HEAD - #head)) end
      local part = math.min(size, TAIL)
      local piece = chunk:getBytes(size - part, part)
      if size > TAIL then -- what stood before does not touch what is kept of this one
        pieces, first_piece, kept = {}, 1, 0
      end
      pieces[#pieces + 1] = piece
      kept = kept + part
      while kept - #pieces[first_piece] >= TAIL do
        kept = kept - #pieces[first_piece]
        pieces[first_piece] = false
        first_piece = first_piece + 1
      end
      -- at once where it is whole in one chunk: a client that leaves right after it is still accounted for
      if string.find(piece, '"usage"%s*:%s*{') then
        local usage = usage_in(piece)
        if usage then note(handle, "text", printable(usage)) end
        local tier = tier_in(piece)
        if tier then note(handle, "tier", tier) end
      end
    end
  end
  if #pieces == 0 then return end
  local tail = table.concat(pieces, "", first_piece)
  local usage, tier = usage_in(tail) or usage_in(head), tier_in(tail) or tier_in(head)
  if usage then note(handle, "text", printable(usage)) end
  if usage and tier then note(handle, "tier", tier) end
end

function envoy_on_request(handle)
  note(handle, "began_ms", tonumber(handle:timestamp()))
end

function envoy_on_response(handle)
  local metadata = handle:streamInfo():dynamicMetadata()
  local decision, usage, headers = metadata:get(META), metadata:get(USAGE), handle:headers()
  local targets = decision and decision["targets"]
  local began = usage and usage["began_ms"]
  strip(headers)
  dress(headers, decision, metadata:get(WALK) or {})
  if targets and began and holds_usage(headers) then witness(handle, began) end
end
