#include "kuda/serve/callers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kuda/base/error.h"
#include "kuda/base/test_support.h"

namespace kuda {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using Headers = std::vector<std::pair<std::string, std::string>>;

/// 200 where the request is let in.
int status_of(const ServerOptions& options, const std::string& host, Headers more = {},
              const std::string& method = "GET") {
  Request head{.method = method, .path = "/v1/clips", .headers = std::move(more)};
  head.headers.emplace_back("Host", host);
  const auto refusal = Callers(options).refusal_of(head);
  return refusal ? refusal->status : 200;
}

std::string page_answer(const ServerOptions& options, const std::string& origin) {
  const Request head{.method = "POST", .path = "/", .headers = {{"Host", "localhost:8080"}, {"Origin", origin}}};
  for (const auto& [name, value] : Callers(options).headers_for(head))
    if (name == "Access-Control-Allow-Origin") return value;
  return "none";
}

TEST(Callers, AnswersForThisMachineAndForNamesItWasTold) {
  for (const char* host : {"localhost", "LocalHost:8080", "localhost.", "page.localhost:1", "127.0.0.1:8080",
                           "127.8.9.1", "[::1]:8080", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]"})
    EXPECT_EQ(status_of({}, host), 200) << host;
  for (const char* host : {"evil.example:8080", "localhost.evil.example", "127.0.0.1.evil.example", "10.0.0.7", "[::2]",
                           "0.0.0.0", "notlocalhost.example"})
    EXPECT_EQ(status_of({}, host), 421) << host;
  for (const char* host :
       {"", ":80", "a b", "a/b", "me@localhost", "localhost:x", "[::1", "[localhost]", "localhost:80:80"})
    EXPECT_EQ(status_of({}, host), 400) << host;
  const ServerOptions told{.host = "10.0.0.7", .host_names = {"Kuda.Example.org", "10.0.0.8", "::2"}};
  for (const char* host :
       {"kuda.example.org", "KUDA.example.org.:443", "10.0.0.7:80", "10.0.0.8", "[::2]:80", "localhost"})
    EXPECT_EQ(status_of(told, host), 200) << host;
  EXPECT_EQ(status_of(told, "sub.kuda.example.org"), 421);
  EXPECT_EQ(status_of(told, "10.0.0.9"), 421);
}

TEST(Callers, OnEveryAddressEachAddressIsOurs) {
  for (const char* host : {"0.0.0.0", "::"}) {
    EXPECT_EQ(status_of({.host = host}, "192.168.1.7:8080"), 200) << "nobody can rebind an address";
    EXPECT_EQ(status_of({.host = host}, "evil.example"), 421);
  }
}

TEST(Callers, ANameWithoutADotIsForProgramsAlone) {
  EXPECT_EQ(status_of({}, "kuda:8080", {{"User-Agent", "python-requests/2.32"}}), 200) << "another container asks";
  for (const auto& [name, value] : Headers{{"User-Agent", "Mozilla/5.0 (X11)"},
                                           {"Accept-Language", "en"},
                                           {"Origin", "http://kuda:8080"},
                                           {"Referer", "http://kuda:8080/"},
                                           {"Sec-Fetch-Site", "same-origin"}})
    EXPECT_EQ(status_of({}, "kuda:8080", {{name, value}}), 421) << name;
  EXPECT_EQ(status_of({.host_names = {"kuda"}}, "kuda:8080", {{"Accept-Language", "en"}}), 200);
}

TEST(Callers, PagesOfOtherSitesAreRefused) {
  const std::string host = "localhost:8080";
  for (const char* origin : {"http://localhost:8080", "https://LOCALHOST:8080"})
    EXPECT_EQ(status_of({}, host, {{"Origin", origin}}, "POST"), 200) << origin;
  EXPECT_EQ(status_of({}, "localhost", {{"Origin", "https://localhost"}}), 200) << "a proxy before us speaks TLS";
  EXPECT_EQ(status_of({}, "localhost:443", {{"Origin", "https://localhost"}}), 200);
  for (const char* origin : {"http://evil.example", "http://localhost:3000", "http://localhost",
                             "http://127.0.0.1:8080", "null", "", "file://", "http://localhost:8080.evil.example"})
    EXPECT_EQ(status_of({}, host, {{"Origin", origin}}, "POST"), 403) << origin;
  for (const char* site : {"cross-site", "same-site"}) {
    EXPECT_EQ(status_of({}, host, {{"Sec-Fetch-Site", site}}), 403) << "an image or a script of another page";
    EXPECT_EQ(status_of({}, host, {{"Sec-Fetch-Site", site}, {"Sec-Fetch-Mode", "navigate"}}, "POST"), 403) << "a form";
    EXPECT_EQ(
        status_of({}, host, {{"Sec-Fetch-Site", site}, {"Sec-Fetch-Mode", "navigate"}, {"Sec-Fetch-Dest", "document"}}),
        200)
        << "a link";
    EXPECT_EQ(
        status_of({}, host, {{"Sec-Fetch-Site", site}, {"Sec-Fetch-Mode", "navigate"}, {"Sec-Fetch-Dest", "iframe"}}),
        403);
  }
  EXPECT_EQ(status_of({}, host, {{"Origin", "https://kuda.example.org"}, {"Sec-Fetch-Site", "same-origin"}}, "POST"),
            200)
      << "behind a proxy that does not pass its name on";
  for (const char* site : {"same-origin", "none"}) EXPECT_EQ(status_of({}, host, {{"Sec-Fetch-Site", site}}), 200);
}

TEST(Callers, PagesOfAllowedOriginsMayAskAndRead) {
  const ServerOptions options{.origins = {"http://LocalHost:3000/", "https://app.example:443", "tauri://localhost"}};
  for (const char* origin : {"http://localhost:3000", "https://app.example", "tauri://localhost"}) {
    EXPECT_EQ(status_of(options, "localhost:8080", {{"Origin", origin}, {"Sec-Fetch-Site", "cross-site"}}, "POST"),
              200);
    EXPECT_EQ(status_of(options, "kuda:8080", {{"Origin", origin}}, "POST"), 200);
    EXPECT_EQ(status_of(options, "evil.example:8080", {{"Origin", origin}}, "POST"), 421);
    EXPECT_EQ(page_answer(options, origin), origin);
  }
  for (const char* origin : {"http://localhost:3001", "https://localhost:3000", "http://app.example", "null"}) {
    EXPECT_EQ(status_of(options, "localhost:8080", {{"Origin", origin}}, "POST"), 403) << origin;
    EXPECT_EQ(page_answer(options, origin), "none") << origin;
  }
  EXPECT_EQ(page_answer({}, "http://localhost:8080"), "none") << "without the option";
}

TEST(Callers, WhatIsNoNameAndNoOriginIsToldAtOnce) {
  for (const char* name : {"https://kuda.example.org", "a b", "", "kuda/x"})
    EXPECT_THAT(test::error_of<UsageError>([&] { (void)Callers({.host_names = {name}}); }),
                AllOf(HasSubstr("--host-name"), HasSubstr("kuda.example.org")));
  for (const char* origin : {"*", "null", "localhost:3000", "http://localhost:3000/page", "http://", ""})
    EXPECT_THAT(test::error_of<UsageError>([&] { (void)Callers({.origins = {origin}}); }),
                AllOf(HasSubstr("--allow-origin"), HasSubstr("http://localhost:3000")));
}

TEST(Callers, APreflightSaysWhatAPageMaySend) {
  const auto names_in = [](const Response& response) {
    std::string names;
    for (const auto& header : response.headers) names += header.first + "=" + header.second + "\n";
    return names;
  };
  Request head{.method = "OPTIONS", .path = "/v1/predict", .headers = {{"Access-Control-Request-Method", "POST"}}};
  head.headers.emplace_back("Access-Control-Request-Private-Network", "true");
  const auto answer = options_answer(head, "POST, OPTIONS");
  EXPECT_EQ(answer.status, 204);
  EXPECT_THAT(names_in(answer), AllOf(HasSubstr("Access-Control-Allow-Methods=POST, OPTIONS\n"),
                                      HasSubstr("Access-Control-Allow-Headers=Authorization, Content-Encoding, "),
                                      HasSubstr("Access-Control-Allow-Private-Network=true\n")));
}

}  // namespace
}  // namespace kuda
