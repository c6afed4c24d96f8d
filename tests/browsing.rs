//! The page in a browser: by mouse, by keyboard alone, on a phone, and before the first generation.

use std::fs;
use std::path::Path;

use harness::{SMALL_MODEL, Server, World, eventually, sample};
use serde_json::json;

use crate::browser::{Browser, DOWN, ENTER, ESCAPE, RIGHT, SPACE, TAB};

/// Opens the page of a server.
fn open(server: &Server, rest: &str) -> Browser {
    let browser = Browser::start();
    browser.open(&format!("http://{}/{rest}", server.address()));
    browser
}

/// Runs the pipeline on the sample, starts a server and opens its page.
fn run_and_open(run: &[&str], rest: &str) -> (World, Server, Browser) {
    let world = World::new();
    world.run_quickly(run);
    let server = world.serve_when_ready();
    let browser = open(&server, rest);
    (world, server, browser)
}

/// Waits until the page shows known users to pick from.
fn wait_for_users(browser: &Browser) {
    browser.until("document.querySelectorAll('#some-users button').length === 12");
}

/// Writes a screenshot to the directory for temporary files of tests, for docs/images.
fn save_screenshot(browser: &Browser, name: &str) {
    let picture = browser.screenshot();
    assert!(picture.starts_with(b"\x89PNG"));
    fs::write(Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.png")), picture).unwrap();
}

/// Sets the size of the window, and waits until it has that size.
fn set_window_size(browser: &Browser, width: u32, height: u32) {
    let size = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500});
    browser.emulate("setDeviceMetricsOverride", size);
    browser.until(&format!("innerWidth === {width}"));
}

/// Panics if a page is wider than the window.
fn assert_fits(browser: &Browser, name: &str) {
    let fits = "return document.documentElement.scrollWidth <= document.documentElement.clientWidth";
    assert_eq!(browser.run(fits), true, "{name}");
}

/// Panics if the browser logged an error, or sent a request to another server.
fn assert_no_errors(browser: &Browser, server: &Server) {
    assert_eq!(browser.console_errors(), Vec::<String>::new());
    let home = format!("http://{}/", server.address());
    let requests = browser.requests();
    assert!(requests.len() >= 3, "{requests:?}");
    for url in requests {
        assert!(url.starts_with(&home) || url.starts_with("data:"), "{url}");
    }
}

#[test]
fn the_page_shows_titles_stars_and_reasons_for_a_typed_and_for_a_picked_user() {
    let world = World::new();
    let generation = world.run_quickly(&[])["generation"].as_str().unwrap().to_owned();
    let server = world.serve_when_ready();
    let browser = open(&server, "");
    browser.until_text("#generation", &generation);
    assert!(browser.text("#generation").contains("600 users, 2,000 movies, 40,000 ratings"));

    browser.type_into("#user", "18");
    browser.click("#user-form button[type=submit]");
    browser.until_text("#list-heading", "user 18");
    let list = server.get("/recommendations?user_id=18&n=10&returnMetadata=true").json();
    let titles: Vec<_> =
        list["items"].as_array().unwrap().iter().map(|item| item["title"].as_str().unwrap()).collect();
    assert_eq!(browser.texts("#list .title"), titles);
    let given = browser.texts("#list .given");
    assert_eq!(given.len(), titles.len());
    assert!(given.iter().all(|text| text.starts_with("★ ") && text.contains("predicted")), "{given:?}");
    assert_eq!(browser.run("return location.hash"), "#user=18");

    // The history starts with the highest ratings.
    assert_eq!(browser.texts("#history > li").len(), 10);
    browser.click("#more-history");
    let stars: Vec<f64> = browser
        .texts("#history .given")
        .iter()
        .map(|text| text.split_whitespace().nth(1).unwrap().parse().unwrap())
        .collect();
    assert!(stars.len() >= 20 && stars.is_sorted_by(|a, b| a >= b), "{stars:?}");

    // The reasons, and the next part of the list.
    browser.click("#list summary");
    browser.until_text("#list details li", "% of the match");
    assert_eq!(browser.texts("#list details[open] li").len(), 3);
    browser.click("#more-list");
    browser.until("document.querySelectorAll('#list > li').length === 20");

    // Another user by a click, and a random one.
    wait_for_users(&browser);
    let picked = browser.texts("#some-users button")[5].clone();
    browser.click("#some-users button:nth-child(6)");
    browser.until_text("#list-heading", &format!("user {picked}"));
    assert_eq!(browser.texts("#some-users [aria-current=true]"), [picked]);
    browser.click("#any-user");
    browser.until("document.querySelector('#user-says').textContent.includes('movies for user')");
    assert_no_errors(&browser, &server);
}

#[test]
fn the_page_shows_popular_movies_for_an_unknown_user_and_an_error_for_an_invalid_id() {
    let (_world, server, browser) = run_and_open(&[], "#user=4000000000");
    browser.until_text("#user-says", "User 4000000000 is not in the data");
    assert_eq!(browser.texts("#list > li").len(), 10);
    assert_eq!(browser.texts("#list summary").len(), 0);
    assert_eq!(browser.text("#history-heading"), "Has rated 0 movies");
    browser.type_into("#user", "<img src=x onerror=alert(1)>");
    browser.press(ENTER);
    browser.until_text("#user-says", "A user id is a whole number");
    browser.until("document.querySelector('#user-answer').hidden");
    assert_no_errors(&browser, &server);
    // The page shows the server's own message.
    browser.type_into("#user", "99999999999");
    browser.press(ENTER);
    browser.until_text("#user-says", "give a whole number from 0 to 4294967295");
    assert_eq!(browser.console_errors().len(), 2);
}

#[test]
fn the_list_is_updated_after_every_rating_of_a_movie_found_by_title() {
    let (_world, server, browser) = run_and_open(&[], "");
    wait_for_users(&browser);
    let rate = |title: &str| {
        browser.type_into("#title", title);
        browser.until("document.querySelectorAll('#found button').length > 1");
        browser.click("#found li:nth-child(2) button");
    };
    rate("lighthouse");
    browser.until_text("#own-says", "10 movies, from one rating");
    let first = browser.texts("#own-list .title");
    rate("AUTUMN");
    browser.until_text("#own-says", "10 movies, from 2 ratings");
    let second = browser.texts("#own-list .title");
    assert_ne!(first, second);

    browser.click("#ratings li:nth-child(2) label[title='0.5 stars']");
    browser.until("location.hash.includes(':4,') && location.hash.includes(':0.5')");
    let titles = || browser.texts("#own-list .title");
    eventually("the list is another", || titles() != second);
    let third = titles();

    // The address of the page restores the list.
    let address = browser.run("return location.href").as_str().unwrap().to_owned();
    let other = Browser::start();
    other.open(&address);
    other.until_text("#own-says", "from 2 ratings");
    assert_eq!(other.texts("#own-list .title"), third);
    assert_eq!(other.texts("#ratings .title"), browser.texts("#ratings .title"));
    assert_no_errors(&other, &server);

    browser.click("#ratings li:nth-child(2) button");
    browser.until_text("#own-says", "from one rating");
    assert_eq!(titles(), first);
    browser.click("#ratings button");
    browser.until_text("#own-says", "Nothing is rated yet");
    browser.type_into("#title", "zzzz");
    browser.until_text("#search-says", "No movie has such a title");
    assert_no_errors(&browser, &server);
}

#[test]
fn the_page_can_be_used_with_the_keyboard_alone() {
    let (_world, server, browser) = run_and_open(&[], "");
    wait_for_users(&browser);
    let focused = || browser.run("return document.activeElement.id || document.activeElement.innerText");
    browser.press(&[TAB, "18", ENTER].concat());
    browser.until_text("#list-heading", "user 18");
    assert_eq!(focused(), "user");
    // Two buttons and twelve users precede the first reason.
    browser.press(&TAB.repeat(15));
    assert_eq!(focused(), "Why?");
    assert_ne!(browser.run("return getComputedStyle(document.activeElement).outlineStyle"), "none");
    browser.press(ENTER);
    browser.until_text("#list details li", "% of the match");

    // TAB reaches the search after some number of elements.
    for _ in 0..100 {
        if focused() == "title" {
            break;
        }
        browser.press(TAB);
    }
    assert_eq!(focused(), "title");
    browser.press("river");
    browser.press(ENTER);
    browser.until("document.querySelectorAll('#found button').length > 1");
    browser.until("document.activeElement.closest('#found')");
    browser.press(&[DOWN, SPACE].concat());
    browser.until_text("#own-says", "from one rating");
    let first = browser.texts("#own-list .title");
    // The focus is on the stars.
    assert_eq!(browser.run("return document.activeElement.value"), "4");
    browser.press(RIGHT);
    browser.until("location.hash.endsWith(':4.5')");
    browser.press(&[TAB, ENTER].concat());
    browser.until_text("#own-says", "Nothing is rated yet");
    assert!(!first.is_empty() && focused() == "title");
    browser.press("river");
    browser.until("document.querySelectorAll('#found button').length > 1");
    browser.press(&[DOWN, DOWN, ESCAPE].concat());
    browser.until("document.querySelectorAll('#found button').length === 0");
    assert_eq!(focused(), "title");
    assert_no_errors(&browser, &server);
}

#[test]
fn markup_in_titles_is_shown_as_text() {
    let world = World::new();
    let title = "<img src=/x onerror=alert(1)> & <b>Bold</b>";
    let movies: String = (1..=7000).map(|id| format!("{id},{title},<i>War</i>\n")).collect();
    let movies = world.write("movies.csv", format!("movieId,title,genres\n{movies}"));
    world.run(&sample("ratings.csv"), &movies, &[&SMALL_MODEL[..], &["--max-unusable-titles", "1"]].concat());
    let server = world.serve_when_ready();
    let browser = open(&server, "#user=18&ratings=1:4");
    browser.until_text("#own-says", "from one rating");
    browser.until_text("#list-heading", "user 18");
    browser.type_into("#title", "bold");
    browser.until("document.querySelectorAll('#found button').length > 1");
    browser.click("#list summary");
    browser.until_text("#list details li", title);
    for place in ["#list .title", "#history .title", "#own-list .title", "#ratings .title", "#found .title"] {
        let texts = browser.texts(place);
        assert!(!texts.is_empty() && texts.iter().all(|text| text == title), "{place}: {texts:?}");
    }
    assert_eq!(browser.run("return document.querySelectorAll('img, b, i').length"), 0);
    assert_no_errors(&browser, &server);
}

#[test]
fn the_page_shows_a_new_generation_with_the_next_answer() {
    let (world, server, browser) = run_and_open(&[], "#user=18&ratings=1:4.5");
    browser.until_text("#own-says", "from one rating");
    let generation = world.run_quickly(&["--seed", "2"])["generation"].as_str().unwrap().to_owned();
    server.wait_until_ready(Some(&generation));
    browser.type_into("#user", "1");
    browser.press(ENTER);
    browser.until_text("#generation", &generation);
    browser.until_text("#list-heading", "user 1");
    // Both lists are of the new generation.
    let list =
        server.post("/recommendations", r#"{"ratings":[{"id":1,"rating":4.5}],"returnMetadata":true}"#);
    let best = list.json()["items"][0]["title"].as_str().unwrap().to_owned();
    browser.until(&format!("document.querySelector('#own-list .title').textContent === {}", json!(best)));
    assert_no_errors(&browser, &server);
}

#[test]
fn the_page_waits_for_the_first_generation_and_then_shows_the_list() {
    let world = World::new();
    let server = world.serve();
    let browser = open(&server, "#user=18");
    browser.until_text("#generation", "Not ready: no generation is published yet");
    browser.type_into("#user", "18");
    browser.press(ENTER);
    browser.until_text("#user-says", "no generation is published yet");
    world.run_quickly(&[]);
    browser.until_text("#list-heading", "user 18");
    browser.until_text("#generation", "less than a minute old");
    // The browser logs each answer with status 503.
    let errors = browser.console_errors();
    assert!(!errors.is_empty());
    assert!(errors.iter().all(|text| text.contains("503 (Service Unavailable)")), "{errors:?}");
}

#[test]
fn the_page_shows_lists_by_predicted_stars_and_offers_no_fold_in() {
    let (_world, server, browser) = run_and_open(&["--objective", "rating"], "#user=18&ratings=1:4");
    browser.until_text("#list-heading", "user 18");
    browser.until_text("#no-own", "ordered by predicted stars");
    assert_eq!((browser.text("#own"), browser.texts("#list summary").len()), (String::new(), 0));
    assert_no_errors(&browser, &server);
}

#[test]
fn the_page_fits_a_window_and_a_phone_in_light_and_dark() {
    let world = World::new();
    world.run_sample(&[]);
    let server = world.serve_when_ready();
    let browser = open(&server, "#user=18&ratings=1:4.5,33:2,47:5");
    browser.until_text("#own-says", "from 3 ratings");
    browser.until_text("#list-heading", "user 18");
    browser.click("#list summary");
    browser.until_text("#list details li", "% of the match");
    let mut backgrounds = Vec::new();
    for (name, width, height, scheme) in
        [("page", 1100, 1860, "light"), ("page-dark", 1100, 1860, "dark"), ("page-phone", 390, 844, "light")]
    {
        let scheme = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        browser.emulate("setEmulatedMedia", scheme);
        set_window_size(&browser, width, height);
        assert_fits(&browser, name);
        let background = "return getComputedStyle(document.documentElement).backgroundColor";
        backgrounds.push(browser.run(background));
        save_screenshot(&browser, name);
    }
    assert!(backgrounds[0] != backgrounds[1] && backgrounds[0] == backgrounds[2], "{backgrounds:?}");
    assert_no_errors(&browser, &server);
}

#[test]
fn a_report_fits_a_window() {
    let world = World::new();
    let ratings = fs::read(sample("ratings.csv")).unwrap();
    let lines: Vec<&[u8]> = ratings.split_inclusive(|&byte| byte == b'\n').collect();
    // Five runs, so that the report shows trends.
    for percent in [94, 95, 96, 98, 100] {
        let part = world.write("ratings.csv", lines[..lines.len() * percent / 100].concat());
        world.run(&part, &sample("movies.csv"), &["--max-quality-loss", "1"]);
    }
    let browser = Browser::start();
    browser.open(&format!("file://{}", world.path("output/reports/latest.html").display()));
    browser.until_text("h1", "Published");
    set_window_size(&browser, 1060, 1180);
    assert_fits(&browser, "report");
    save_screenshot(&browser, "report");
    assert_eq!(browser.console_errors(), Vec::<String>::new());
}
