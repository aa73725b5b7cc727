/** Runs the charts: who is asked, what is taken, and in which order (docs/porting.md). */

import {
  CHARTS,
  EVENTLESS,
  ROUTES,
  SOURCES,
  UNKNOWN,
  askConversation,
  askMessage,
  askSpeech,
  conversationHandles,
  newCapabilities,
  newConversation,
  newConversationPolicy,
  newMessage,
  newPolicy,
  newSpeech,
  notices,
  receive,
  speechHandles,
  type Answer,
  type Capabilities,
  type Conversation,
  type ConversationInternalEvent,
  type ConversationPolicy,
  type ConversationRun,
  type Effect,
  type GivenEvent,
  type InternalEvent,
  type LifecycleEvent,
  type Policy,
  type Run,
  type Speech,
  type SpeechInternalEvent,
  type Way,
} from "./lifecycle.js";

/** The event was taken by transitions. */
export interface Handled {
  readonly kind: "handled";
  /** The names of the transitions taken, in the order in which they were taken. */
  readonly transitions: readonly string[];
  /** What the driver has to perform, in this order. */
  readonly effects: readonly Effect[];
}

export type Reply = Handled | Answer;

function refused(event: { readonly type: string }, reason: string): Answer {
  return { kind: "rejected", answer: "", reason, blame: own(SOURCES, event.type) ?? "agent" };
}

/** Return what a record has by a name that may be anything: no other type, and nothing that all objects have. */
function own<T>(record: Readonly<Record<string, T>>, name: unknown): T | undefined {
  return typeof name === "string" && Object.hasOwn(record, name) ? record[name] : undefined;
}

function received(given: GivenEvent, isConversation: boolean): LifecycleEvent | Answer {
  const chart = own(CHARTS, given.type);
  if (chart === undefined || (chart === "conversation" && !isConversation)) return refused(given, "unknown_event");
  return receive(given) ?? refused(given, "malformed_event");
}

/** What the present event has caused in a speech. */
class Causes implements Run {
  effects: Effect[] = [];
  transitions: string[] = [];
  readonly raised: SpeechInternalEvent[] = [];

  emit(effect: Effect): void {
    this.effects.push(effect);
  }

  took(transition: string): void {
    this.transitions.push(transition);
  }

  raise(event: SpeechInternalEvent): void {
    this.raised.push(event);
  }

  /** Have a speech, or a message of it, handle an event, and then what that has raised. */
  handle(speech: Speech, event: LifecycleEvent): Answer | null {
    const answer = this.ask(speech, event);
    const raised = this.raised;
    for (let next = 0; next < raised.length; next++) speechHandles(this, speech, raised[next]!);
    raised.length = 0;
    return answer;
  }

  private ask(speech: Speech, event: LifecycleEvent): Answer | null {
    if (CHARTS[event.type] === "message" && "message_id" in event) {
      let message = speech.messages.get(event.message_id);
      if (message === undefined) {
        if (event.type !== "session_message_added") return refused(event, "unknown_message");
        message = newMessage({ message_id: event.message_id });
      }
      return askMessage(this, speech, message, event) ?? null;
    }
    return askSpeech(this, speech, event) ?? null;
  }
}

/** One speech, changed in place. */
export class SpeechMachine {
  speech: Speech;
  private readonly causes = new Causes();

  /** Begin a speech, or go on with the one given. */
  constructor(capabilities: Partial<Capabilities> = {}, policy: Partial<Policy> = {}, speech?: Speech) {
    this.speech = speech ?? newSpeech({ capabilities: newCapabilities(capabilities), policy: newPolicy(policy) });
  }

  /** Handle one event. A rejected or ignored one leaves the speech as it was. */
  send(given: GivenEvent): Reply {
    const event = received(given, false);
    if ("kind" in event) return event;
    const causes = this.causes;
    const answer = causes.handle(this.speech, event);
    if (answer !== null) return answer;
    const { transitions, effects } = causes;
    causes.transitions = [];
    causes.effects = [];
    return { kind: "handled", transitions, effects };
  }
}

/** One conversation and its speeches, changed in place. */
export class ConversationMachine implements ConversationRun {
  conversation: Conversation;
  private effects: Effect[] = [];
  private transitions: string[] = [];
  private readonly raised: (ConversationInternalEvent | InternalEvent)[] = [];
  private readonly causes = new Causes();

  /** Begin a conversation, or go on with the one given. */
  constructor(
    capabilities: Partial<Capabilities> = {},
    policy: Partial<Omit<ConversationPolicy, "speech">> & { readonly speech?: Partial<Policy> } = {},
    conversation?: Conversation,
  ) {
    this.conversation =
      conversation ??
      newConversation({
        capabilities: newCapabilities(capabilities),
        policy: newConversationPolicy({ ...policy, speech: newPolicy(policy.speech ?? {}) }),
      });
  }

  /** Handle one event. A rejected or ignored one leaves the conversation as it was. */
  send(given: GivenEvent): Reply {
    const event = received(given, true);
    if ("kind" in event) return event;
    const answer = this.handle(event);
    if (answer !== null) return answer;
    this.settle();
    const { transitions, effects } = this;
    this.transitions = [];
    this.effects = [];
    return { kind: "handled", transitions, effects };
  }

  emit(effect: Effect): void {
    this.effects.push(effect);
  }

  took(transition: string): void {
    this.transitions.push(transition);
  }

  raise(event: ConversationInternalEvent): void {
    this.raised.push(event);
  }

  tellSpeech(conversation: Conversation, speechId: string, event: LifecycleEvent): void {
    this.haveHandled(conversation.speeches.get(speechId)!, event);
  }

  private handle(event: LifecycleEvent): Answer | null {
    const conversation = this.conversation;
    const route = ROUTES[event.type]!;
    const speechId = this.speechNamedBy(event, route);
    if (speechId === null) {
      const answer = askConversation(this, conversation, event);
      return answer === undefined ? refused(event, UNKNOWN[route[route.length - 1]!]) : answer;
    }
    const speech = conversation.speeches.get(speechId);
    if (speech === undefined) return refused(event, "no_speech");
    const answer = this.haveHandled(speech, event);
    if (answer === null && event.type === "session_message_added") {
      conversation.by_message.set(event.message_id, speechId);
    }
    return answer;
  }

  private speechNamedBy(event: LifecycleEvent, route: readonly Way[]): string | null {
    const { by_message, by_response } = this.conversation;
    for (const way of route) {
      const name = (event as unknown as Record<Way, string>)[way];
      const found = way === "message_id" ? by_message.get(name) : way === "response_id" ? by_response.get(name) : name;
      if (found !== undefined && (found !== "" || way !== "speech_id")) return found;
    }
    return null;
  }

  /** Have a speech handle an event, and note what the conversation is told of it. */
  private haveHandled(speech: Speech, event: LifecycleEvent): Answer | null {
    const causes = this.causes;
    const was = speech.state;
    const hadEnded = speech.response_has_ended;
    const answer = causes.handle(speech, event);
    // The agent's state is that of the whole conversation, and announced by its chart.
    for (const effect of causes.effects) if (effect.type !== "announce_agent_state") this.effects.push(effect);
    this.transitions.push(...causes.transitions);
    causes.effects.length = 0;
    causes.transitions.length = 0;
    if (answer === null) this.raised.push(...notices(speech, was, hadEnded));
    return answer;
  }

  /** Take what needs no event in all regions, and what was raised, until there is neither. */
  private settle(): void {
    const { conversation, raised } = this;
    let handled = 0;
    for (;;) {
      const found = EVENTLESS.map((find) => find(conversation)).filter((taking) => taking !== null);
      for (const take of found) take(this, conversation);
      if (found.length > 0) continue;
      if (handled === raised.length) break;
      conversationHandles(this, conversation, raised[handled++]!);
    }
    raised.length = 0;
  }
}
