#include "faults.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>
#include <thread>

namespace kuda {
namespace {

using json = nlohmann::json;
using std::chrono::milliseconds;
using test::post_head;
using test::post_request;
using test::RawAnswer;
using test::RawConnection;

// docs/serving.md: what other clips of a batch may change. 3.4e-6 was the most that was seen (TFN).
constexpr double kPromise = 1e-5;

const std::string kHealth = "GET /health HTTP/1.1\r\nHost: x\r\n\r\n";

Outcome none_due() { return {}; }
Outcome wrong(const std::string& what) { return {0, what}; }

void pause(std::uint64_t most, Random& random) { std::this_thread::sleep_for(milliseconds(random.below(most + 1))); }

/// Whole, with one of these statuses or 503; a refusal is JSON.
Outcome answered(const RawAnswer& answer, std::initializer_list<int> expected) {
  if (answer.status == 0) return wrong("no whole answer");
  const bool is_expected = std::find(expected.begin(), expected.end(), answer.status) != expected.end();
  if (!is_expected && answer.status != 503)
    return {answer.status, fmt::format("status {}: {}", answer.status, answer.body.substr(0, 200))};
  if (answer.status >= 400 && !json::accept(answer.body)) return {answer.status, "a refusal that is no JSON"};
  return {answer.status, {}};
}

const Clip& any_clip(Attack& attack) { return attack.clips[attack.random.below(attack.clips.size())]; }

std::string request_of(const Clip& clip) { return post_request("/v1/predict", clip.body); }

std::string chunk(const std::string& content) { return fmt::format("{:x}\r\n{}\r\n", content.size(), content); }

/// In pieces of random length, with pauses of up to `most` ms between them.
bool send_slowly(const RawConnection& raw, const std::string& text, std::uint64_t most, Random& random) {
  for (std::size_t at = 0; at < text.size();) {
    const auto size = std::min<std::size_t>(1 + random.below(text.size() / 6 + 1), text.size() - at);
    if (!raw.send(text.substr(at, size))) return false;
    at += size;
    pause(most, random);
  }
  return true;
}

/// Sent whole on a connection of its own.
Outcome refused(Attack& attack, const std::string& text, std::initializer_list<int> expected) {
  RawConnection raw(attack.port);
  (void)raw.send(text);  // it may be refused before it is sent to its end
  return answered(raw.receive_answer(), expected);
}

std::string form_request(const std::string& body, const std::string& more = {}) {
  return fmt::format(
      "POST /v1/predict HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=bound\r\n{}"
      "Content-Length: {}\r\n\r\n{}",
      more, body.size(), body);
}

std::string form_part(const std::string& name, const std::string& content) {
  return fmt::format("--bound\r\nContent-Disposition: form-data; name=\"{}\"; filename=\"x\"\r\n\r\n{}\r\n", name,
                     content);
}

// Slow and silent clients.

Outcome slow_request(Attack& attack) {
  const auto& clip = any_clip(attack);
  RawConnection raw(attack.port);
  if (!send_slowly(raw, request_of(clip), 40, attack.random)) return wrong("the connection was closed");
  return scored(raw.receive_answer(), clip);
}

Outcome slow_body(Attack& attack) {
  const auto& clip = any_clip(attack);
  RawConnection raw(attack.port);
  (void)raw.send(post_head("/v1/predict", fmt::format("Content-Length: {}\r\n", clip.body.size())));
  if (!send_slowly(raw, clip.body, 60, attack.random)) return wrong("the connection was closed");
  return scored(raw.receive_answer(), clip);
}

Outcome silent_first(Attack& attack) {
  const auto& clip = any_clip(attack);
  RawConnection raw(attack.port);
  pause(500, attack.random);
  if (!raw.send(request_of(clip))) return wrong("the connection was closed");
  return scored(raw.receive_answer(), clip);
}

Outcome slow_reader(Attack& attack) {
  constexpr int kRequests = 150;
  RawConnection raw(attack.port);
  std::string requests;
  for (int i = 0; i < kRequests; ++i) requests += "GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n";
  if (!raw.send(requests)) return wrong("the connection was closed");
  pause(500, attack.random);
  for (int i = 0; i < kRequests; ++i)
    if (auto outcome = answered(raw.receive_answer(), {200}); !outcome.wrong.empty()) return outcome;
  return {200, {}};
}

Outcome endless_head(Attack& attack) {
  RawConnection raw(attack.port);
  (void)raw.send(request_of(any_clip(attack)).substr(0, 20));
  return answered(raw.receive_answer(), {408});
}

Outcome endless_body(Attack& attack) {
  RawConnection raw(attack.port);
  (void)raw.send(post_head("/v1/predict", "Content-Length: 10000\r\n") + "{");
  for (int i = 0; i < 20 && raw.send(" "); ++i) pause(100, attack.random);
  return answered(raw.receive_answer(), {408});
}

// Halves of connections, and clients that go.

Outcome half_closed(Attack& attack) {
  const auto& clip = any_clip(attack);
  RawConnection raw(attack.port);
  if (!raw.send(request_of(clip))) return wrong("the connection was closed");
  raw.end_sending();
  return scored(raw.receive_answer(), clip);
}

Outcome half_closed_early(Attack& attack) {
  const auto request = request_of(any_clip(attack));
  RawConnection raw(attack.port);
  (void)raw.send(request.substr(0, attack.random.below(request.size())));
  raw.end_sending();
  const auto answer = raw.receive_answer();
  return answer.status == 0 ? none_due() : answered(answer, {400});
}

Outcome hang_up(Attack& attack) {
  const auto request = request_of(any_clip(attack));
  RawConnection raw(attack.port);
  (void)raw.send(request.substr(0, attack.random.below(request.size() + 1)));
  pause(5, attack.random);
  if (attack.random.below(2) == 0) raw.hang_up();
  return none_due();
}

Outcome hang_up_on_answer(Attack& attack) {
  RawConnection raw(attack.port);
  (void)raw.send(request_of(any_clip(attack)));
  pause(20, attack.random);
  raw.hang_up();
  return none_due();
}

// Much at once.

Outcome in_a_row(Attack& attack) {
  const auto &first = any_clip(attack), &second = any_clip(attack);
  RawConnection raw(attack.port);
  if (!raw.send(request_of(first) + kHealth + request_of(second) + kHealth)) return wrong("the connection was closed");
  for (int i = 0; i < 4; ++i) {
    const auto answer = raw.receive_answer();
    const auto outcome = i % 2 == 1 ? answered(answer, {200}) : scored(answer, i == 0 ? first : second);
    if (!outcome.wrong.empty()) return outcome;
  }
  return {200, {}};
}

Outcome crowd(Attack& attack) {
  std::vector<std::unique_ptr<RawConnection>> all;
  for (int i = 0; i < 100; ++i) all.push_back(std::make_unique<RawConnection>(attack.port));
  for (const auto& raw : all) (void)raw->send(kHealth);
  for (const auto& raw : all)
    if (auto outcome = answered(raw->receive_answer(), {200}); !outcome.wrong.empty()) return outcome;
  return {200, {}};
}

Outcome waits_for_leave(Attack& attack) {
  const auto& clip = any_clip(attack);
  RawConnection raw(attack.port);
  (void)raw.send(
      post_head("/v1/predict", fmt::format("Expect: 100-continue\r\nContent-Length: {}\r\n", clip.body.size())));
  const auto leave = raw.receive("\r\n\r\n");
  if (!leave.starts_with("HTTP/1.1 100 ")) return wrong("no leave to send a body: " + leave.substr(0, 100));
  (void)raw.send(clip.body);
  return scored(raw.receive_answer(), clip);
}

// Too large, or not what it should be.

Outcome large_and_kept(Attack& attack) {
  const auto& clip = any_clip(attack);
  RawConnection raw(attack.port);
  (void)raw.send(post_request("/v1/predict", std::string(attack.body_bytes * 3 / 2, ' ')));
  if (auto outcome = answered(raw.receive_answer(), {413}); !outcome.wrong.empty()) return outcome;
  if (!raw.send(request_of(clip))) return wrong("the connection was closed");
  return scored(raw.receive_answer(), clip);
}

Outcome large_declared(Attack& attack) {
  return refused(attack, post_head("/v1/predict", "Content-Length: 50000000000\r\n") + std::string(60000, ' '), {413});
}

Outcome large_chunked(Attack& attack) {
  auto text = post_head("/v1/predict", "Transfer-Encoding: chunked\r\n");
  for (std::size_t bytes = 0; bytes < 3 * attack.body_bytes; bytes += 8000) text += chunk(std::string(8000, ' '));
  return refused(attack, text, {413});
}

Outcome chunked(Attack& attack) {
  const auto& clip = any_clip(attack);
  auto text = post_head("/v1/predict", "Transfer-Encoding: chunked\r\n");
  for (std::size_t at = 0, size = 0; at < clip.body.size(); at += size) {
    size = 1 + attack.random.below(20);
    text += chunk(clip.body.substr(at, size));
  }
  RawConnection raw(attack.port);
  if (!raw.send(text + "0\r\n\r\n")) return wrong("the connection was closed");
  return scored(raw.receive_answer(), clip);
}

Outcome bad_chunks(Attack& attack) {
  const std::vector<std::string> bodies{"zz\r\n{}\r\n0\r\n\r\n", "2\r\n{}rubbish", std::string(200000, '1'), "\r\n\r\n",
                                        "ffffffffffffffffff\r\n{}\r\n"};
  RawConnection raw(attack.port);
  (void)raw.send(post_head("/v1/predict", "Transfer-Encoding: chunked\r\n") +
                 bodies[attack.random.below(bodies.size())]);
  raw.end_sending();
  return answered(raw.receive_answer(), {400});
}

Outcome bad_json(Attack& attack) {
  const std::vector<std::string> bodies{"",
                                        "{",
                                        "null",
                                        "{}",
                                        R"({"text": 5})",
                                        R"({"vision": [[NaN]]})",
                                        R"({"vision": [[1e999]]})",
                                        R"({"text": "a", "txet": "b"})",
                                        R"({"clips": []})",
                                        "{\"text\": \"\xff\xfe\"}",
                                        std::string(100000, '['),
                                        std::string(3, '\0')};
  return refused(attack, post_request("/v1/predict", bodies[attack.random.below(bodies.size())]), {400});
}

Outcome bad_npy(Attack& attack) {
  const std::string begin = "\x93NUMPY\x01", header = "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 5), }\n";
  const std::vector<std::string> files{
      "no array",
      begin,
      begin + std::string("\0\xff\xff", 3),
      begin + std::string("\0\x3c\0", 3) + header + "abc",
      begin + std::string("\0\x3c\0", 3) + "{'descr': '|O', 'fortran_order': False, 'shape': (9999999999, 9), }\n",
      "PK\x03\x04 no archive",
      std::string(200, '\xff')};
  const auto& file = files[attack.random.below(files.size())];
  return refused(attack, form_request(form_part("vision", file) + "--bound--\r\n"), {400});
}

Outcome bad_form(Attack& attack) {
  const std::vector<std::string> bodies{
      form_part("text", "a fine film"),  // without an end
      "rubbish", "--bound\r\n" + std::string(20000, 'x'),
      "--bound\r\nContent-Disposition: form-data; name=\"" + std::string(6000, 'x') + "\"\r\n\r\na\r\n--bound--\r\n",
      form_part("nobody", "knows this") + "--bound--\r\n"};
  return refused(attack, form_request(bodies[attack.random.below(bodies.size())]), {400});
}

Outcome packed_form(Attack& attack) {
  return refused(attack, form_request("--bound--\r\n", "Content-Encoding: gzip\r\n"), {400});
}

Outcome large_head(Attack& attack) {
  auto text = std::string("GET /health HTTP/1.1\r\nHost: x\r\n");
  const bool is_many = attack.random.below(2) == 0;
  for (int i = 0; i < (is_many ? 300 : 30); ++i)
    text += fmt::format("X-{}: {}\r\n", i, std::string(is_many ? 10 : 4000, 'x'));
  return refused(attack, text + "\r\n", {431});
}

Outcome bad_head(Attack& attack) {
  const std::vector<std::string> heads{"GET /health HTTP/1.1\r\n\r\n",
                                       "GET /health HTTP/1.1\nHost: x\n\n",
                                       "GET  /health\r\n\r\n",
                                       "GET /health HTTP/3.0\r\nHost: x\r\n\r\n",
                                       "BREW /pot HTTP/1.1\r\nHost: x\r\n\r\n",
                                       "\r\n\r\n\r\n",
                                       post_head("/v1/predict", "Content-Length: 2\r\nContent-Length: 3\r\n") + "{} ",
                                       post_head("/v1/predict", "Content-Length: two\r\n") + "{}",
                                       post_head("/v1/predict", "Transfer-Encoding: gzip, chunked\r\n"),
                                       post_head("/v1/predict", "X: y\r\n z: 1\r\nContent-Length: 2\r\n") + "{}"};
  return refused(attack, heads[attack.random.below(heads.size())], {400, 404, 501, 505});
}

Outcome rubbish(Attack& attack) {
  std::string text = "x";
  for (int i = 0; i < 200; ++i) text += static_cast<char>(attack.random.below(256));
  return refused(attack, text + "\r\n\r\n", {400});
}

Outcome range(Attack& attack) {
  return refused(attack, post_head("/v1/nothing", "Content-Length: 0\r\nRange: bytes=1000000-9000000\r\n"), {404});
}

Outcome wrong_route(Attack& attack) {
  const std::vector<std::string> lines{"PUT /v1/predict", "DELETE /health", "POST /health", "POST /%00%ff", "GET /%2e"};
  const auto& line = lines[attack.random.below(lines.size())];
  return refused(attack, line + " HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", {404, 405});
}

}  // namespace

Outcome scored(const RawAnswer& answer, const Clip& clip) {
  auto outcome = answered(answer, {200});
  if (!outcome.wrong.empty() || outcome.status != 200) return outcome;
  const auto body = json::parse(answer.body, nullptr, false);
  if (!body.is_object() || !body.contains("score") || !body["score"].is_number())
    return {200, "no score: " + answer.body.substr(0, 200)};
  const auto score = body["score"].get<double>();
  outcome.difference = std::abs(score - clip.score);
  if (!(outcome.difference <= kPromise)) outcome.wrong = fmt::format("score {}, not {}", score, clip.score);
  return outcome;
}

const std::vector<Fault>& faults() {
  static const std::vector<Fault> all{{"a request in pieces", false, slow_request},
                                      {"a body in pieces", false, slow_body},
                                      {"silence before a request", false, silent_first},
                                      {"answers that are not read for a while", false, slow_reader},
                                      {"a head without end", true, endless_head},
                                      {"a body without end", true, endless_body},
                                      {"half-closed after the request", false, half_closed},
                                      {"half-closed in the request", false, half_closed_early},
                                      {"hung up in the request", false, hang_up},
                                      {"hung up before the answer", false, hang_up_on_answer},
                                      {"four requests at once", false, in_a_row},
                                      {"a hundred connections at once", false, crowd},
                                      {"Expect: 100-continue", false, waits_for_leave},
                                      {"a body in chunks", false, chunked},
                                      {"a large body, then a request", false, large_and_kept},
                                      {"a large body, declared", false, large_declared},
                                      {"a large body in chunks", false, large_chunked},
                                      {"damaged chunks", false, bad_chunks},
                                      {"damaged JSON", false, bad_json},
                                      {"damaged arrays", false, bad_npy},
                                      {"damaged forms", false, bad_form},
                                      {"a packed form", false, packed_form},
                                      {"a large head", false, large_head},
                                      {"a damaged head", false, bad_head},
                                      {"rubbish", false, rubbish},
                                      {"a range of an answer", false, range},
                                      {"no such path or method", false, wrong_route}};
  return all;
}

}  // namespace kuda
