-- wrk -s work.lua URL -- METHOD PATH BODY FOLLOW_PATH FOLLOW_BODY PRODUCTS TOKEN COUNT_STATUS KEYED
--
-- In a path or body, <id> is replaced by a random product for each request, <uuid> by the UUID of one, and <page> by a random
-- page among the first 50. FOLLOW_PATH (may be empty) is called for each block that an answer to PATH has created; <block> is
-- its block_id. COUNT_STATUS 1 counts the answers by status, which slows wrk down. KEYED 1 gives each request an
-- Idempotency-Key that is unique in this run and among all runs, because a run takes at least a second.
-- Prints the counts as one line of JSON.

local threads = {}

function setup(thread)
    table.insert(threads, thread)
    thread:set("number", #threads)
end

local before_path, after_path, path, body, follow_path, follow_body, products
local key_prefix
local key_number = 0
local blocks = {}
local statuses = {}
followed = 0

local function split(template)
    local parts = {}
    for text, name in (template .. "<>"):gmatch("(.-)<(%a*)>") do
        table.insert(parts, text)
        table.insert(parts, name)
    end
    return parts
end

local function fill(parts, block)
    local text = ""
    for i = 1, #parts, 2 do
        local name = parts[i + 1]
        text = text .. parts[i]
        if name == "id" then
            text = text .. math.random(products)
        elseif name == "uuid" then
            text = text .. string.format("00000000-0000-7000-8000-%012x", math.random(products))
        elseif name == "page" then
            text = text .. math.random(50)
        elseif name == "block" then
            text = text .. block
        end
    end
    return text
end

local function get()
    return before_path .. fill(path) .. after_path .. "\r\n"
end

local function build(path_parts, body_parts, block)
    local text = fill(body_parts, block)
    local key = ""
    if key_prefix then
        key_number = key_number + 1
        key = "Idempotency-Key: " .. key_prefix .. key_number .. "\r\n"
    end
    return before_path .. fill(path_parts, block) .. after_path .. key .. "Content-Length: " .. #text .. "\r\n\r\n" .. text
end

local function post()
    return build(path, body)
end

local function post_or_follow()
    local block = table.remove(blocks)
    if block == nil then
        return build(path, body)
    end
    return build(follow_path, follow_body, block)
end

-- Remembers created blocks. Any connection may convert a block that another one has created.
local function remember(status, headers, text)
    if status == 200 or status == 201 then
        if text:find('"status" ?: ?"active"') then
            table.insert(blocks, text:match('"block_id" ?: ?"([^"]+)"'))
        elseif text:find('"status" ?: ?"converted"') then
            followed = followed + 1
        end
    end
end

local function count(status)
    statuses[status] = (statuses[status] or 0) + 1
    local list = {}
    for code, times in pairs(statuses) do
        table.insert(list, string.format('"%d": %d', code, times))
    end
    counted = table.concat(list, ", ")
end

function init(arguments)
    math.randomseed(os.time() * 100 + number)
    local method, token = arguments[1], arguments[7]
    before_path = method .. " "
    after_path = " HTTP/1.1\r\nHost: " .. wrk.host .. "\r\n"
    if token ~= "" then
        after_path = after_path .. "Authorization: Bearer " .. token .. "\r\n"
    end
    path, body, products = split(arguments[2]), split(arguments[3]), tonumber(arguments[6])
    request = get
    if method ~= "GET" then
        after_path = after_path .. "Content-Type: application/json\r\n"
        request = post
    end
    if arguments[9] == "1" then
        key_prefix = os.time() .. "-" .. number .. "-"
    end
    local hears = arguments[4] ~= "" and remember or nil
    if hears then
        follow_path, follow_body = split(arguments[4]), split(arguments[5])
        request = post_or_follow
    end
    if arguments[8] == "1" then
        local other = hears
        hears = function(status, headers, text)
            count(status)
            if other then
                other(status, headers, text)
            end
        end
    end
    response = hears
end

function done(summary, latency, requests)
    local followed_by_all, by_status = 0, {}
    for _, thread in ipairs(threads) do
        followed_by_all = followed_by_all + thread:get("followed")
        table.insert(by_status, "{" .. (thread:get("counted") or "") .. "}")
    end
    local errors = summary.errors
    io.write(string.format(
        '\n{"requests": %d, "followed": %d, "microseconds": %d, "p50": %d, "p99": %d, "maximum": %d, "connect": %d,'
            .. ' "read": %d, "write": %d, "status": %d, "timeout": %d, "statuses": [%s]}\n',
        summary.requests, followed_by_all, summary.duration, latency:percentile(50), latency:percentile(99),
        latency.max, errors.connect, errors.read, errors.write, errors.status, errors.timeout,
        table.concat(by_status, ", ")
    ))
end
