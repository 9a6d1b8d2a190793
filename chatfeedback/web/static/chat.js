// Shows answers while they come. Without it the same form works, and the answer comes as a whole.
"use strict";
(() => {
  const ASKS = ["ask", "again", "two"];
  const BROKEN = "No answer came: the connection broke off, or you were signed out. Chat and words are still here; " +
    "send them again, and do not load the page before.";

  class Refused extends Error {}

  function card(title) {
    const article = document.createElement("article");
    article.className = "card assistant";
    const heading = document.createElement("h2");
    heading.className = "speaker";
    heading.textContent = title;
    const text = document.createElement("div");
    text.className = "turn";
    article.append(heading, text);
    return [article, text];
  }

  async function* events(response) {
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      rest += value;
      const parts = rest.split("\n\n");
      rest = parts.pop();
      for (const part of parts) if (part.startsWith("data: ")) yield JSON.parse(part.slice(6));
    }
  }

  // What a screen reader says; it stands outside of what is replaced, so that it is heard.
  function say(text) {
    document.getElementById("heard").textContent = text;
  }

  // What an error page of ours says; it has the words in its first paragraph.
  async function words(response) {
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    const said = page.querySelector("main p");
    return said ? said.textContent : "";
  }

  async function ask(form, wish, added) {
    const fields = new URLSearchParams(new FormData(form));
    fields.set("do", wish);
    for (const button of form.querySelectorAll("button")) button.disabled = true;
    const turns = form.querySelector(".turns");
    const texts = [];
    say("Waiting for the answer.");
    if (wish === "ask") {
      const [mine, said] = card("You");
      mine.className = "card user";
      said.textContent = fields.get("prompt");
      turns.append(mine);
      added.push(mine);
    }
    if (wish === "two") {
      const sides = document.createElement("div");
      sides.className = "sides";
      for (const name of ["Answer A", "Answer B"]) {
        const [article, text] = card(name);
        sides.append(article);
        texts.push(text);
      }
      turns.append(sides);
      added.push(sides);
    } else {
      const [article, text] = card("...");
      turns.append(article);
      added.push(article);
      texts.push(text);
    }
    const response = await fetch("/chat/stream", { method: "POST", body: fields, redirect: "error" });
    if (!response.ok) throw new Refused(await words(response));
    let ended = false;
    for await (const event of events(response)) {
      if (event.text !== undefined) texts[event.side].textContent += event.text;
      if (event.page !== undefined) {
        ended = true;
        const made = new DOMParser().parseFromString(event.page, "text/html").getElementById("chat");
        document.getElementById("chat").replaceWith(made);
        const cards = [...made.querySelectorAll(wish === "two" ? ".two .card" : ".turns .card.assistant")];
        const refused = made.querySelector("[role=alert]");
        say(refused ? "" : cards.slice(wish === "two" ? 0 : -1).map((card) => card.innerText).join("\n"));
        const next = made.querySelector("#prompt, .two button");
        if (next) next.focus({ preventScroll: true });
      }
    }
    if (!ended) throw new Error("the stream broke off");
  }

  document.addEventListener("submit", (event) => {
    const form = event.target, wish = event.submitter ? event.submitter.value : "ask";
    if (form.id !== "chat-form" || !ASKS.includes(wish)) return;
    if (wish === "ask" && !form.elements.prompt.value.trim()) return;
    event.preventDefault();
    const added = [];
    ask(form, wish, added).catch((error) => {
      say("");
      for (const node of added) node.remove();
      for (const button of form.querySelectorAll("button")) button.disabled = false;
      for (const old of form.querySelectorAll(":scope > .said")) old.remove();
      const said = document.createElement("p");
      said.className = "said warn";
      said.setAttribute("role", "alert");
      said.textContent = (error instanceof Refused && error.message) || BROKEN;
      form.prepend(said);
      said.scrollIntoView({ block: "nearest" });
    });
  });
})();
